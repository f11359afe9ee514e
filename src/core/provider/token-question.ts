/**
 * How a provider is asked, before a request is sent, how many tokens its input has: by an endpoint of its own that bills
 * nothing. Such an endpoint takes less than the request itself and refuses the rest, so what it takes is picked out of the
 * body, as it stands there.
 * https://docs.anthropic.com/en/api/messages-count-tokens, https://platform.openai.com/docs/api-reference/responses,
 * https://ai.google.dev/api/tokens
 */
import { bodyPart } from '../metering/body-part.ts'
import type { WireFormatName } from '../metering/format.ts'
import { compileJsonPaths, type JsonPaths } from '../metering/json-paths.ts'
import { JsonScanner } from '../metering/json-scanner.ts'
import { asRecord } from '../metering/tally.ts'
import { isTokenCount } from '../metering/usage.ts'

export interface TokenQuestion {
  readonly path: string
  readonly body: readonly Buffer[]
  /** The request's own query says which version of the API is meant. */
  readonly keepsQuery: boolean
}

interface AskedRequest {
  /** Without the query. */
  readonly path: string
  readonly body: readonly Buffer[]
}

interface Counter {
  readonly keepsQuery: boolean
  /** The field of the answer that has the count. */
  readonly answerField: string
  /** `undefined` for an endpoint whose input cannot be asked for. */
  pathOf(path: string): string | undefined
  bodyOf(asked: AskedRequest): readonly Buffer[]
}

const anthropicKeys = locating([
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'context_management',
  'mcp_servers',
  'cache_control',
  'compaction',
  'speed',
])
const responsesKeys = locating([
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'previous_response_id',
  'conversation',
  'personality',
  'reasoning',
  'text',
  'truncation',
])
const geminiKeys = locating([
  'contents',
  'systemInstruction',
  'system_instruction',
  'tools',
  'toolConfig',
  'tool_config',
  'cachedContent',
  'cached_content',
  'generationConfig',
  'generation_config',
])
const geminiCall = /^(.*\/models\/([^/:]+)):(?:generateContent|streamGenerateContent)$/

const counters: Readonly<Partial<Record<WireFormatName, Counter>>> = {
  'anthropic-messages': {
    keepsQuery: true,
    answerField: 'input_tokens',
    pathOf: (path) => (path.endsWith('/messages') ? `${path}/count_tokens` : undefined),
    bodyOf: ({ body }) => objectOf(members(anthropicKeys, body)),
  },
  'openai-responses': {
    keepsQuery: false,
    answerField: 'input_tokens',
    pathOf: (path) => (path.endsWith('/responses') ? `${path}/input_tokens` : undefined),
    bodyOf: ({ body }) => objectOf(members(responsesKeys, body)),
  },
  gemini: {
    keepsQuery: false,
    answerField: 'totalTokens',
    pathOf: (path) => (geminiCall.test(path) ? path.replace(geminiCall, '$1:countTokens') : undefined),
    bodyOf: ({ path, body }) => {
      const model = Buffer.from(JSON.stringify(`models/${geminiCall.exec(path)?.[2] ?? ''}`))
      const request = objectOf([member('model', [model]), ...members(geminiKeys, body)])
      return objectOf([member('generateContentRequest', request)])
    },
  },
}

/** `undefined` where the format or the endpoint has no such question. */
export function tokenQuestion(format: WireFormatName, asked: AskedRequest): TokenQuestion | undefined {
  const counter = counters[format]
  const path = counter?.pathOf(asked.path)
  return counter && path !== undefined
    ? { path, body: counter.bodyOf(asked), keepsQuery: counter.keepsQuery }
    : undefined
}

/** The count in an answer; `undefined` for one that has none. */
export function readTokenAnswer(format: WireFormatName, text: string): number | undefined {
  const counter = counters[format]
  const count = counter && asRecord(parsed(text))?.[counter.answerField]
  return isTokenCount(count) ? count : undefined
}

function locating(keys: readonly string[]): { readonly keys: readonly string[]; readonly paths: JsonPaths } {
  return { keys, paths: compileJsonPaths({ capture: [], locate: keys }) }
}

/** Those members of a body that are wanted, in bytes. */
function members(
  { keys, paths }: ReturnType<typeof locating>,
  body: readonly Buffer[],
): readonly (readonly Buffer[])[] {
  const scanner = new JsonScanner(paths)
  for (const chunk of body) scanner.feed(chunk)
  return keys.flatMap((key) => {
    const place = scanner.placeOf(key)
    return place ? [member(key, bodyPart(body, place.start, place.end))] : []
  })
}

function member(key: string, value: readonly Buffer[]): readonly Buffer[] {
  return [Buffer.from(`${JSON.stringify(key)}:`), ...value]
}

function objectOf(parts: readonly (readonly Buffer[])[]): readonly Buffer[] {
  const joined = parts.flatMap((part, index) => (index === 0 ? part : [Buffer.from(','), ...part]))
  return [Buffer.from('{'), ...joined, Buffer.from('}')]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
