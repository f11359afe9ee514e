/**
 * How a refusal is told so that a client ends at once and its user reads why. Measured on real agents: never 401, 429, 503,
 * 529, a reset or a clean early end; see `docs/refusals.md`.
 */
import type { WireFormatName } from '../metering/format.ts'
import { failedResponse } from './socket-refusal.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The answer to a request that a spent budget (or an operator's cut) refuses. Sticky: the same for every later call. */
export function spentAnswer(format: WireFormatName, message: string, requestId: string): Answer {
  switch (format) {
    case 'anthropic-messages':
      return json(402, { 'x-should-retry': 'false', 'request-id': requestId }, anthropicError(message, requestId))
    case 'openai-responses':
    case 'openai-chat':
    case 'openai-embeddings':
      return json(400, { 'x-should-retry': 'false', 'x-request-id': requestId }, { error: openaiError(message) })
    case 'gemini':
      return json(400, { 'x-should-retry': 'false' }, { error: { code: 400, message, status: 'FAILED_PRECONDITION' } })
  }
}

/**
 * The last bytes of an event stream that is cut: a well-formed terminal error. It may follow an unfinished event.
 * `undefined` where no client reads one: a reset is understood.
 */
export function spentEvent(format: WireFormatName, message: string, requestId: string): string | undefined {
  switch (format) {
    case 'anthropic-messages':
      return sse('error', anthropicError(message, requestId))
    case 'openai-responses':
      return sse('response.failed', failedResponse({ code: 'invalid_prompt', message }, requestId))
    case 'openai-chat':
      return `\n\ndata: ${JSON.stringify({ error: openaiError(message) })}\n\n`
    case 'openai-embeddings':
    case 'gemini':
      return undefined
  }
}

/** Room is only held by other requests: the client may ask again soon. */
export function pendingAnswer(format: WireFormatName, message: string, retryAfterSeconds: number): Answer {
  const headers = { 'retry-after': String(retryAfterSeconds) }
  switch (format) {
    case 'anthropic-messages':
      return json(429, headers, { type: 'error', error: { type: 'rate_limit_error', message } })
    case 'openai-responses':
    case 'openai-chat':
    case 'openai-embeddings':
      return json(429, headers, {
        error: { message, type: 'rate_limit_error', param: null, code: 'rate_limit_exceeded' },
      })
    case 'gemini':
      return json(429, headers, {
        error: {
          code: 429,
          message,
          status: 'RESOURCE_EXHAUSTED',
          details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryAfterSeconds}s` }],
        },
      })
  }
}

/** A refusal by policy or a failure of ours, in a shape whose `error.message` every client finds. */
export function plainAnswer(status: number, code: string, message: string): Answer {
  return json(
    status,
    { 'x-should-retry': 'false' },
    { type: 'error', error: { type: 'bot_bottle_error', code, message } },
  )
}

function anthropicError(message: string, requestId: string): object {
  return { type: 'error', error: { type: 'billing_error', message }, request_id: requestId }
}

function openaiError(message: string): object {
  return { message, type: 'invalid_request_error', param: null, code: 'invalid_prompt' }
}

function json(status: number, headers: Readonly<Record<string, string>>, body: object): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: `${JSON.stringify(body)}\n` }
}

/** Begins with a blank line, which ends whatever event the cut left half-written. */
function sse(event: string, data: object): string {
  return `\n\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
