/** The `response` object of the Responses API: https://platform.openai.com/docs/api-reference/responses/object. */
import type { Usage } from '../../core/metering/usage.ts'
import { type Answer, outputTokensOf } from './answer.ts'
import type { Piece } from './generate.ts'
import type { InputTokens } from './prompt-cache.ts'

export interface OpenAIResponse {
  readonly id: string
  readonly model: string
  readonly createdAtSeconds: number
  readonly maxOutputTokens: number | undefined
  readonly input: InputTokens
  readonly answer: Answer
}

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed'
export type Fields = Readonly<Record<string, unknown>>

/** What the last event reports, cached tokens taken out of the input as the ledger keeps them. */
export function openAIUsage({ input, answer }: OpenAIResponse): Usage {
  return {
    inputTokens: input.uncachedTokens,
    cacheReadTokens: input.cacheReadTokens,
    outputTokens: outputTokensOf(answer),
    reasoningTokens: answer.reasoning.length,
  }
}

export function kindsOf({ reasoning, text, toolCall }: Answer): readonly Piece['kind'][] {
  return [
    ...(reasoning.length > 0 ? (['reasoning'] as const) : []),
    ...(text.length > 0 ? (['text'] as const) : []),
    ...(toolCall !== undefined ? (['tool'] as const) : []),
  ]
}

export function outputOf(response: OpenAIResponse): readonly Fields[] {
  return kindsOf(response.answer).map((kind) => itemOf(response, kind, 'completed'))
}

/** An output item, empty while it is in progress. */
export function itemOf(
  { id, answer }: OpenAIResponse,
  kind: Piece['kind'],
  status: 'in_progress' | 'completed',
): Fields {
  const isDone = status === 'completed'
  const itemId = itemIdOf(id, kind)
  if (kind === 'reasoning') return { id: itemId, type: 'reasoning', summary: [], encrypted_content: 'c2ltdWxhdGVk' }
  if (kind === 'text') {
    const content = isDone ? [textPart(answer.text.join(''))] : []
    return { id: itemId, type: 'message', status, role: 'assistant', content }
  }
  const call = answer.toolCall?.call
  const input = isDone ? answer.toolCall?.input.join('') : ''
  const common = { id: itemId, status, call_id: id.replace(/^resp_/, 'call_'), name: call?.name }
  return typeof call?.input === 'string'
    ? { ...common, type: 'custom_tool_call', input }
    : { ...common, type: 'function_call', arguments: input }
}

export function itemIdOf(responseId: string, kind: Piece['kind']): string {
  const prefix = { reasoning: 'rs_', text: 'msg_', tool: 'fc_' }[kind]
  return responseId.replace(/^resp_/, prefix)
}

export function textPart(text: string): Fields {
  return { type: 'output_text', annotations: [], logprobs: [], text }
}

export function finalStatus({ answer }: OpenAIResponse): Status {
  return answer.stop === 'limit' ? 'incomplete' : 'completed'
}

export function responseObject(
  response: OpenAIResponse,
  { status, output }: { readonly status: Status; readonly output: readonly Fields[] },
): Fields {
  const isFinal = status === 'completed' || status === 'incomplete'
  return {
    id: response.id,
    object: 'response',
    created_at: response.createdAtSeconds,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: null,
    max_output_tokens: response.maxOutputTokens ?? null,
    model: response.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: 'default',
    store: false,
    temperature: 1,
    text: { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    truncation: 'disabled',
    usage: isFinal ? usageObject(response) : null,
    user: null,
    metadata: {},
  }
}

/** Cached tokens are inside the input and reasoning is inside the output, as OpenAI counts. */
function usageObject({ input, answer }: OpenAIResponse): Fields {
  const inputTokens = input.uncachedTokens + input.cacheReadTokens
  const outputTokens = outputTokensOf(answer)
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: input.cacheReadTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: answer.reasoning.length },
    total_tokens: inputTokens + outputTokens,
  }
}
