/** The endpoints of api.openai.com, and those of chatgpt.com that Codex asks for. */
import { type Answer, composeAnswer } from './answer.ts'
import { type Call, type GeneratedAnswer, readJson, sendJson, sendStream, sendWhole } from './call.ts'
import type { Conversation } from './conversation.ts'
import { openAIBody, openAIErrorBody, openAIEvents, openAIFailedEvent } from './openai-events.ts'
import { type Fields, type OpenAIResponse, openAIUsage } from './openai-object.ts'
import { readOpenAICount, readOpenAIRequest } from './openai-request.ts'
import { countInput } from './prompt-cache.ts'
import { credentialOf, piecesOf, type Simulation } from './simulation.ts'
import type { StreamEvent } from './stream-event.ts'

const errorCodes: Readonly<Record<number, string>> = {
  401: 'invalid_api_key',
  404: 'not_found',
  429: 'rate_limit_exceeded',
  503: 'server_is_overloaded',
}

export function sendOpenAIError(call: Call, status: number, message: string): void {
  sendJson(call, status, openAIError(status, message))
}

export function openAIError(status: number, message: string, code = errorCodes[status] ?? null): Fields {
  const type = status < 500 ? 'invalid_request_error' : 'server_error'
  return openAIErrorBody({ message, type, code })
}

export async function serveResponses(call: Call, simulation: Simulation): Promise<void> {
  const conversation = readOpenAIRequest(await readJson(call))
  const { entry } = call
  entry.model = conversation.model
  entry.stream = conversation.stream
  setRateLimitHeaders(call)
  if (call.failure?.kind === 'http') return sendOpenAIError(call, call.failure.status, 'Simulated failure')

  const { response, pieces, inputUsage } = startAnswer(conversation, call, {
    simulation,
    answer: composeAnswer(conversation, simulation.answers),
  })
  if (!conversation.stream) {
    return sendWhole(call, openAIBody(response), { pieces, inputUsage, reported: openAIUsage(response) })
  }
  await sendStream(call, openAIEvents(response, pieces), { inputUsage, errorEvent: () => serverError(response) })
}

export async function serveInputTokens(call: Call): Promise<void> {
  const segments = readOpenAICount(await readJson(call))
  sendJson(call, 200, { object: 'response.input_tokens', input_tokens: countInput(segments) })
}

export interface StartedAnswer extends GeneratedAnswer {
  readonly response: OpenAIResponse
}

/** Reads the prompt, from the cache where it can, and begins to generate. */
export function startAnswer(
  conversation: Conversation,
  { entry, signal }: Pick<Call, 'entry' | 'signal'>,
  { simulation, answer }: { readonly simulation: Simulation; readonly answer: Answer },
): StartedAnswer {
  const { cache, now } = simulation
  const input = cache.readAutomatic(`${credentialOf({ entry })} ${conversation.model}`, conversation.segments)
  const response = {
    id: entry.id.replace(/^req_/, 'resp_'),
    model: conversation.model,
    createdAtSeconds: Math.floor(now() / 1000),
    maxOutputTokens: conversation.maxOutputTokens,
    input,
    answer,
  }
  const inputUsage = { inputTokens: input.uncachedTokens, cacheReadTokens: input.cacheReadTokens }
  return { response, pieces: piecesOf(answer, simulation, { signal }), inputUsage }
}

export function serverError(response: OpenAIResponse): StreamEvent {
  return openAIFailedEvent(response, { code: 'server_error', message: 'The server had an error.' })
}

export function serveOpenAIModels(call: Call): void {
  const models = ['gpt-6.1-sol', 'gpt-5.4-nano']
  sendJson(call, 200, {
    object: 'list',
    data: models.map((id) => ({ id, object: 'model', created: 1_760_000_000, owned_by: 'openai' })),
    // Codex asks a provider of its own for the same path and reads this list; an empty one keeps its built-in models.
    models: [],
  })
}

export function serveCodexModels(call: Call): void {
  sendJson(call, 200, { models: [] })
}

function setRateLimitHeaders({ response, entry }: Call): void {
  response.setHeader('x-request-id', entry.id)
  response.setHeader('openai-version', '2020-10-01')
  response.setHeader('openai-processing-ms', 12)
  for (const [name, limit, remaining] of [
    ['requests', 10_000, 9_999],
    ['tokens', 2_000_000, 1_999_000],
  ] as const) {
    response.setHeader(`x-ratelimit-limit-${name}`, limit)
    response.setHeader(`x-ratelimit-remaining-${name}`, remaining)
    response.setHeader(`x-ratelimit-reset-${name}`, '6ms')
  }
}
