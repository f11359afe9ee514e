/** Writes an answer as the Messages API does, as one JSON body or as a stream. */
import type { Usage } from '../../core/metering/usage.ts'
import { type Answer, inputText, outputTokensOf } from './answer.ts'
import type { Piece } from './generate.ts'
import type { InputTokens } from './prompt-cache.ts'
import type { StreamEvent } from './stream-event.ts'

export interface AnthropicMessage {
  readonly id: string
  readonly model: string
  readonly input: InputTokens
  readonly answer: Answer
}

const stopReasons = { end: 'end_turn', tool: 'tool_use', limit: 'max_tokens' } as const

/** The signature of the thinking block: real ones are opaque and long, and clients only send them back. */
const signature = Buffer.from('simulated thinking').toString('base64')

export function anthropicInputUsage(input: InputTokens): Usage {
  return {
    inputTokens: input.uncachedTokens,
    cacheWrite5mTokens: input.cacheWrite5mTokens,
    cacheWrite1hTokens: input.cacheWrite1hTokens,
    cacheReadTokens: input.cacheReadTokens,
  }
}

export function anthropicBody({ id, model, input, answer }: AnthropicMessage): unknown {
  const { reasoning, text, toolCall } = answer
  const content: unknown[] = []
  if (reasoning.length > 0) content.push({ type: 'thinking', thinking: reasoning.join(''), signature })
  if (text.length > 0) content.push({ type: 'text', text: text.join('') })
  if (toolCall !== undefined) {
    content.push({ type: 'tool_use', id: toolUseId(id), name: toolCall.call.name, input: toolInput(answer) })
  }
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: stopReasons[answer.stop],
    stop_sequence: null,
    usage: startUsage(input, outputTokensOf(answer)),
  }
}

export async function* anthropicEvents(
  { id, model, input, answer }: AnthropicMessage,
  pieces: AsyncIterable<Piece>,
): AsyncGenerator<StreamEvent> {
  const message = { id, type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null }
  yield {
    name: 'message_start',
    payload: { type: 'message_start', message: { ...message, usage: startUsage(input, 1) } },
    reports: { ...anthropicInputUsage(input), outputTokens: 1 },
    isHead: true,
  }
  let index = -1
  let kind: Piece['kind'] | undefined
  for await (const piece of pieces) {
    if (piece.kind !== kind) {
      yield* closeBlock(index, kind)
      index += 1
      kind = piece.kind
      yield event({ type: 'content_block_start', index, content_block: emptyBlock(id, kind, answer) })
      if (index === 0) yield event({ type: 'ping' })
    }
    yield { ...event({ type: 'content_block_delta', index, delta: deltaOf(piece) }), outputTokens: piece.tokens }
  }
  yield* closeBlock(index, kind)
  const outputTokens = outputTokensOf(answer)
  const usage = { ...inputFields(input), output_tokens: outputTokens }
  const delta = { stop_reason: stopReasons[answer.stop], stop_sequence: null }
  yield { ...event({ type: 'message_delta', delta, usage }), reports: { outputTokens } }
  yield event({ type: 'message_stop' })
}

export function anthropicErrorBody(type: string, message: string, requestId: string): unknown {
  return { type: 'error', error: { type, message }, request_id: requestId }
}

function event(payload: { readonly type: string } & Readonly<Record<string, unknown>>): StreamEvent {
  return { name: payload.type, payload }
}

function* closeBlock(index: number, kind: Piece['kind'] | undefined): Generator<StreamEvent> {
  if (kind === undefined) return
  if (kind === 'reasoning') {
    yield event({ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature } })
  }
  yield event({ type: 'content_block_stop', index })
}

function emptyBlock(messageId: string, kind: Piece['kind'], { toolCall }: Answer): unknown {
  if (kind === 'reasoning') return { type: 'thinking', thinking: '', signature: '' }
  if (kind === 'text') return { type: 'text', text: '' }
  return { type: 'tool_use', id: toolUseId(messageId), name: toolCall?.call.name, input: {} }
}

function deltaOf({ kind, text }: Piece): unknown {
  if (kind === 'reasoning') return { type: 'thinking_delta', thinking: text }
  return kind === 'text' ? { type: 'text_delta', text } : { type: 'input_json_delta', partial_json: text }
}

function toolInput({ toolCall }: Answer): unknown {
  return toolCall === undefined ? {} : JSON.parse(inputText(toolCall.call))
}

function toolUseId(messageId: string): string {
  return messageId.replace(/^msg_/, 'toolu_')
}

function inputFields(input: InputTokens) {
  return {
    input_tokens: input.uncachedTokens,
    cache_creation_input_tokens: input.cacheWrite5mTokens + input.cacheWrite1hTokens,
    cache_read_input_tokens: input.cacheReadTokens,
  }
}

function startUsage(input: InputTokens, outputTokens: number) {
  return {
    ...inputFields(input),
    cache_creation: {
      ephemeral_5m_input_tokens: input.cacheWrite5mTokens,
      ephemeral_1h_input_tokens: input.cacheWrite1hTokens,
    },
    output_tokens: outputTokens,
    service_tier: 'standard',
  }
}
