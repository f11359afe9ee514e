import type { Readable } from 'node:stream'
import type { BodyShare } from './body-quota.ts'

export type CollectedBody =
  | { readonly kind: 'body'; readonly chunks: readonly Buffer[]; readonly byteLength: number }
  | { readonly kind: 'too_long' }
  /** Together with the bottle's other requests in flight. */
  | { readonly kind: 'too_much' }
  | { readonly kind: 'client_gone' }
  | { readonly kind: 'aborted' }

export interface CollectOptions {
  /** Where the head of the request says it. */
  readonly announcedBytes: number | undefined
  readonly maxBytes: number
  readonly share: BodyShare
  readonly signal: AbortSignal
}

/**
 * Reads a whole request body up to a ceiling. Beyond it, and once the signal aborts, the rest is not read, and the connection
 * stays open for an answer. Never rejects.
 */
export function collectBody(
  request: Readable,
  { announcedBytes = 0, maxBytes, share, signal }: CollectOptions,
): Promise<CollectedBody> {
  const { promise, resolve } = Promise.withResolvers<CollectedBody>()
  const chunks: Buffer[] = []
  let byteLength = 0

  const onData = (chunk: Buffer) => {
    byteLength += chunk.length
    if (byteLength > maxBytes) return stop({ kind: 'too_long' })
    if (!share.take(chunk.length)) return stop({ kind: 'too_much' })
    chunks.push(chunk)
  }
  const onEnd = () => stop({ kind: 'body', chunks, byteLength })
  const onGone = () => stop({ kind: 'client_gone' })
  const onAbort = () => stop({ kind: 'aborted' })
  function stop(body: CollectedBody): void {
    request.off('data', onData).off('end', onEnd).off('close', onGone).off('aborted', onGone)
    signal.removeEventListener('abort', onAbort)
    if (body.kind !== 'body') request.pause()
    resolve(body)
  }

  // An upload that breaks off is also an error, which stays without meaning after the close that tells of it.
  request.on('error', onGone)
  if (signal.aborted) stop({ kind: 'aborted' })
  else if (announcedBytes > maxBytes) stop({ kind: 'too_long' })
  else if (request.destroyed) onGone()
  else {
    signal.addEventListener('abort', onAbort, { once: true })
    // An HTTP/2 stream that is reset also ends, as if it were whole, between `aborted` and `close`.
    request.on('data', onData).once('end', onEnd).once('aborted', onGone).once('close', onGone)
  }
  return promise
}
