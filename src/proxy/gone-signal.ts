import type { ClientResponse } from './client-messages.ts'

/** Aborts when the client of a response is gone. */
export function goneSignal(response: ClientResponse): AbortSignal {
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone.signal
}
