/**
 * How a refusal is told on a WebSocket of the Responses API: as an event, each the text of one message. Codex ends at once,
 * and shows the bare message, when a response fails with `invalid_prompt`; it waits for ever on an `error` without a status.
 */

/** Ends a client for good: the budget is spent, or an operator cut. */
export function spentMessageEvent(message: string, requestId: string): string {
  return JSON.stringify(failedResponse({ code: 'invalid_prompt', message }, requestId))
}

/** Room is only held by other requests: Codex asks again after so long, a few times. */
export function pendingMessageEvent(message: string, requestId: string, retryAfterSeconds: number): string {
  const advice = `${message} Please try again in ${retryAfterSeconds} seconds.`
  return JSON.stringify(failedResponse({ code: 'rate_limit_exceeded', message: advice }, requestId))
}

/** A refusal by policy or a failure of ours; `status`: what it would be in HTTP. */
export function plainMessageEvent(status: number, code: string, message: string): string {
  return JSON.stringify({ type: 'error', status, error: { type: 'bot_bottle_error', code, message } })
}

/** The event that ends a response without an answer. */
export function failedResponse(error: { readonly code: string; readonly message: string }, requestId: string): object {
  return {
    type: 'response.failed',
    response: { id: `resp_${requestId}`, object: 'response', status: 'failed', error, output: [], usage: null },
  }
}
