/** Writes an answer as chat completions or legacy completions do, as one JSON body or as a stream of chunks. */
import { type Answer, inputText, outputTokensOf } from './answer.ts'
import type { Piece } from './generate.ts'
import { type Fields, type OpenAIResponse, openAIUsage } from './openai-object.ts'
import type { StreamEvent } from './stream-event.ts'

/** The two shapes differ in names and in where the text is; legacy ones have no tools. */
export type ChatKind = 'chat' | 'legacy'

const finishReasons = { end: 'stop', tool: 'tool_calls', limit: 'length' } as const

export function chatBody(response: OpenAIResponse, kind: ChatKind): Fields {
  const { answer } = response
  const text = answer.text.join('')
  const finish_reason = finishReasons[answer.stop]
  const message = { role: 'assistant', content: text === '' ? null : text, refusal: null, ...toolCalls(response) }
  const choice = kind === 'legacy' ? { text } : { message }
  return {
    ...envelope(response, kind === 'legacy' ? 'text_completion' : 'chat.completion'),
    choices: [{ index: 0, ...choice, logprobs: null, finish_reason }],
    usage: chatUsage(response),
  }
}

export interface ChatStream {
  readonly kind: ChatKind
  readonly wantsUsage: boolean
}

export async function* chatEvents(
  response: OpenAIResponse,
  pieces: AsyncIterable<Piece>,
  { kind, wantsUsage }: ChatStream,
): AsyncGenerator<StreamEvent> {
  const object = kind === 'legacy' ? 'text_completion' : 'chat.completion.chunk'
  const chunk = (choice: Fields, finish_reason: string | null = null): StreamEvent => ({
    name: '',
    payload: {
      ...envelope(response, object),
      choices: [{ index: 0, ...choice, logprobs: null, finish_reason }],
      ...(wantsUsage && { usage: null }),
    },
  })
  if (kind === 'chat') yield { ...chunk({ delta: { role: 'assistant', content: '', refusal: null } }), isHead: true }
  let hasCall = false
  for await (const piece of pieces) {
    // Reasoning is billed, and not shown.
    if (piece.kind === 'reasoning') continue
    const choice = kind === 'legacy' ? { text: piece.text } : { delta: deltaOf(piece, response, hasCall) }
    hasCall ||= piece.kind === 'tool'
    yield { ...chunk(choice), outputTokens: piece.tokens }
  }
  const reason = finishReasons[response.answer.stop]
  yield chunk(kind === 'legacy' ? { text: '' } : { delta: {} }, reason)
  if (wantsUsage) {
    const payload = { ...envelope(response, object), choices: [], usage: chatUsage(response) }
    yield { name: '', payload, reports: openAIUsage(response) }
  }
  yield { name: '', payload: '[DONE]' }
}

function envelope({ id, model, createdAtSeconds }: OpenAIResponse, object: string): Fields {
  return {
    id: id.replace(/^resp_/, 'chatcmpl-'),
    object,
    created: createdAtSeconds,
    model,
    service_tier: 'default',
    system_fingerprint: 'fp_simulated',
  }
}

function deltaOf({ kind, text }: Piece, { id, answer }: OpenAIResponse, hasCall: boolean): Fields {
  if (kind === 'text') return { content: text }
  const opening = { id: callId(id), type: 'function' }
  const call = hasCall ? { arguments: text } : { name: answer.toolCall?.call.name, arguments: text }
  return { tool_calls: [{ index: 0, ...(hasCall ? {} : opening), function: call }] }
}

function toolCalls({ id, answer: { toolCall } }: { readonly id: string; readonly answer: Answer }): Fields {
  if (toolCall === undefined) return {}
  const { call } = toolCall
  return {
    tool_calls: [{ id: callId(id), type: 'function', function: { name: call.name, arguments: inputText(call) } }],
  }
}

function callId(responseId: string): string {
  return responseId.replace(/^resp_/, 'call_')
}

/** Cached tokens are inside the prompt and reasoning is inside the completion, as OpenAI counts. */
function chatUsage({ input, answer }: OpenAIResponse): Fields {
  const promptTokens = input.uncachedTokens + input.cacheReadTokens
  const completionTokens = outputTokensOf(answer)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: input.cacheReadTokens, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: answer.reasoning.length, audio_tokens: 0 },
  }
}
