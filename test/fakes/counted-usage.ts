/**
 * The tokens of an answer, counted without anything of the product: the whole of it is parsed, and what its provider documents as
 * the bill is read from there. Only for answers that are as they should be.
 */
import type { WireFormatName } from '../../src/core/metering/format.ts'

export interface CountedUsage {
  readonly input: number
  readonly cacheWrite: number
  readonly cacheRead: number
  readonly output: number
}

// biome-ignore lint/suspicious/noExplicitAny: what a provider sends has any shape.
type Json = any

/** `undefined` where the answer does not come to its final counts. */
export function countUsage(format: WireFormatName, bytes: Buffer, kind: 'sse' | 'json'): CountedUsage | undefined {
  return counters[format](kind === 'sse' ? eventsOf(bytes.toString()) : [JSON.parse(bytes.toString())].flat())
}

function eventsOf(text: string): readonly Json[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:') && !line.includes('[DONE]'))
    .map((line) => whole(line.slice('data:'.length)))
    .filter((event) => event !== undefined)
}

/** A stream that breaks off may do so within an event. */
function whole(json: string): Json {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const counters: Readonly<Record<WireFormatName, (events: readonly Json[]) => CountedUsage | undefined>> = {
  'anthropic-messages'(events) {
    const isEnded = events.some(({ type, usage, delta }) => usage && (type === 'message' || delta?.stop_reason))
    const usage = Object.assign({}, ...events.map((event) => defined(event.usage ?? event.message?.usage)))
    const parts: readonly Json[] = usage.iterations?.length > 0 ? usage.iterations : [usage]
    const sum = (field: string) => parts.reduce((total, part) => total + (part[field] ?? 0), 0)
    if (!isEnded) return undefined
    return {
      input: sum('input_tokens'),
      cacheWrite: sum('cache_creation_input_tokens'),
      cacheRead: sum('cache_read_input_tokens'),
      output: sum('output_tokens'),
    }
  },
  'openai-responses'(events) {
    const { usage, tool_usage } = events.map((event) => event.response ?? event).findLast(({ usage }) => usage) ?? {}
    const image = tool_usage?.image_gen ?? {}
    if (!usage) return undefined
    const cached = cachedOf(usage.input_tokens_details)
    return {
      ...cached,
      input: usage.input_tokens + (image.input_tokens ?? 0) - cached.cacheRead - cached.cacheWrite,
      output: usage.output_tokens + (image.output_tokens ?? 0),
    }
  },
  'openai-chat'(events) {
    const { usage } = events.findLast(({ usage }) => usage) ?? {}
    if (!usage) return undefined
    const cached = cachedOf(usage.prompt_tokens_details)
    // Some count reasoning beside the completion; all count it in the total.
    const output = usage.total_tokens - usage.prompt_tokens
    return { ...cached, input: usage.prompt_tokens - cached.cacheRead - cached.cacheWrite, output }
  },
  'openai-embeddings'([{ usage }]) {
    return usage && { input: usage.prompt_tokens, cacheWrite: 0, cacheRead: 0, output: 0 }
  },
  gemini(events) {
    const isEnded = events.some(({ candidates, promptFeedback }) => candidates?.[0]?.finishReason || promptFeedback)
    const usage = Object.assign({}, ...events.map(({ usageMetadata }) => usageMetadata))
    const cacheRead = usage.cachedContentTokenCount ?? 0
    const input = (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0) - cacheRead
    if (!isEnded) return undefined
    return { input, cacheWrite: 0, cacheRead, output: usage.totalTokenCount - input - cacheRead }
  },
}

function cachedOf(details: Json): Pick<CountedUsage, 'cacheRead' | 'cacheWrite'> {
  return { cacheRead: details?.cached_tokens ?? 0, cacheWrite: details?.cache_write_tokens ?? 0 }
}

function defined(usage: Json): Json {
  return Object.fromEntries(Object.entries(usage ?? {}).filter(([, value]) => value !== null && value !== undefined))
}
