/** The endpoints of api.anthropic.com. */
import { composeAnswer, outputTokensOf } from './answer.ts'
import {
  type AnthropicMessage,
  anthropicBody,
  anthropicErrorBody,
  anthropicEvents,
  anthropicInputUsage,
} from './anthropic-events.ts'
import { readAnthropicPrompt, readAnthropicRequest } from './anthropic-request.ts'
import { type Call, readJson, sendJson, sendStream, sendWhole } from './call.ts'
import { countInput } from './prompt-cache.ts'
import { credentialOf, piecesOf, type Simulation } from './simulation.ts'

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

export function sendAnthropicError(call: Call, status: number, message: string): void {
  sendJson(call, status, anthropicErrorBody(errorTypes[status] ?? 'api_error', message, call.entry.id))
}

export async function serveMessages(call: Call, simulation: Simulation): Promise<void> {
  const conversation = readAnthropicRequest(await readJson(call))
  const { entry } = call
  entry.model = conversation.model
  entry.stream = conversation.stream
  setRateLimitHeaders(call, simulation.now())
  if (call.failure?.kind === 'http') return sendAnthropicError(call, call.failure.status, 'Simulated failure')

  const answer = composeAnswer(conversation, simulation.answers)
  const message: AnthropicMessage = {
    id: entry.id.replace(/^req_/, 'msg_'),
    model: conversation.model,
    input: simulation.cache.readMarked(`${credentialOf(call)} ${conversation.model}`, conversation.segments),
    answer,
  }
  const pieces = piecesOf(answer, simulation, call)
  const inputUsage = anthropicInputUsage(message.input)
  if (!conversation.stream) {
    const reported = { ...inputUsage, outputTokens: outputTokensOf(answer) }
    return sendWhole(call, anthropicBody(message), { pieces, inputUsage, reported })
  }
  const error = anthropicErrorBody('overloaded_error', 'Overloaded', entry.id)
  await sendStream(call, anthropicEvents(message, pieces), {
    inputUsage,
    errorEvent: () => ({ name: 'error', payload: error }),
  })
}

export async function serveCountTokens(call: Call): Promise<void> {
  const segments = readAnthropicPrompt(await readJson(call))
  sendJson(call, 200, { input_tokens: countInput(segments) })
}

export function serveAnthropicModels(call: Call): void {
  const models = ['claude-opus-4-8', 'claude-sonnet-4-5', 'claude-haiku-4-5']
  sendJson(call, 200, {
    data: models.map((id) => ({ type: 'model', id, display_name: id, created_at: '2025-10-01T00:00:00Z' })),
    has_more: false,
    first_id: models[0],
    last_id: models.at(-1),
  })
}

/** What Claude Code asks beside its messages; all of it is optional to it. */
const sideCalls: readonly { readonly method: string; readonly path: RegExp; readonly answer: unknown }[] = [
  { method: 'HEAD', path: /^\/api\/hello$/, answer: {} },
  { method: 'POST', path: /^\/api\/eval\//, answer: { features: {} } },
  { method: 'GET', path: /^\/api\/directory\/server-urls$/, answer: { servers: [] } },
  { method: 'GET', path: /^\/api\/claude_code\/policy_limits$/, answer: { restrictions: {} } },
  { method: 'GET', path: /^\/api\/claude_cli\/bootstrap$/, answer: { client_data: null } },
  { method: 'GET', path: /^\/api\/claude_code_penguin_mode$/, answer: { enabled: false } },
  {
    method: 'GET',
    path: /^\/api\/claude_code\/organizations\/metrics_enabled$/,
    answer: { metrics_logging_enabled: false },
  },
  { method: 'GET', path: /^\/mcp-registry\/v0\/servers$/, answer: { servers: [], metadata: { count: 0 } } },
  { method: 'POST', path: /^\/api\/event_logging\//, answer: {} },
]

/** Answers a side call; false when the path is none. `/api/claude_code/settings` is none: nothing is managed. */
export function serveSideCall(call: Call): boolean {
  const { method } = call.request
  const known = sideCalls.find((side) => side.method === method && side.path.test(call.url.pathname))
  if (known === undefined) return false
  call.request.resume()
  sendJson(call, 200, known.answer)
  return true
}

function setRateLimitHeaders({ response }: Call, nowMs: number): void {
  const reset = new Date(nowMs + 60_000).toISOString()
  response.setHeader('anthropic-organization-id', '00000000-0000-4000-8000-000000000000')
  for (const [name, limit, remaining] of [
    ['requests', 4_000, 3_999],
    ['tokens', 2_000_000, 1_999_000],
  ] as const) {
    response.setHeader(`anthropic-ratelimit-${name}-limit`, limit)
    response.setHeader(`anthropic-ratelimit-${name}-remaining`, remaining)
    response.setHeader(`anthropic-ratelimit-${name}-reset`, reset)
  }
}
