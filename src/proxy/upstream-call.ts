/** One request on its way to a provider, and what comes back, whatever the version of HTTP. */
import type { IncomingMessage } from 'node:http'
import { Readable, type Writable } from 'node:stream'

export interface UpstreamRequest {
  /** Canonical name: what the certificate must be for, and the Host header. */
  readonly host: string
  readonly method: string
  readonly target: string
  /** Name, value, name, value, … without Host. */
  readonly headers: readonly string[]
  /** A stream can be sent once only. */
  readonly body: readonly Buffer[] | Readable
}

export function isStreamed(body: UpstreamRequest['body']): body is Readable {
  return body instanceof Readable
}

/**
 * The request ends where its body does; where that breaks off, it is for the call to be aborted. Nothing is taken from the body
 * before `whenReady` calls.
 */
export function pipeWhole(
  body: Readable,
  request: Writable,
  whenReady: (start: () => void) => void = (start) => start(),
): void {
  let isBroken = false
  // A client that is gone is seen at its response.
  body.on('error', () => {})
  // Safety: an HTTP/2 stream that is reset also ends, as if it were whole, between `aborted` and `close`.
  body.once('aborted', () => {
    isBroken = true
    body.unpipe(request)
  })
  whenReady(() => {
    if (!isBroken) body.pipe(request)
  })
}

/** As Node's parser gives it: names of `headers` in lower case. */
export type AnswerHead = Pick<IncomingMessage, 'statusCode' | 'statusMessage' | 'headers' | 'rawHeaders'>

export interface CallFailure {
  readonly error: Error
  /** The provider has not worked on the request: it may be sent once more without being billed twice. */
  readonly isUnprocessed: boolean
}

/** May be told after `abort`, too: who aborts stops listening. */
export interface CallHandlers {
  /** The connection is there: from here on the provider may have the request. */
  onSent(): void
  /** At most once. The body is paused until it is read. */
  onAnswer(head: AnswerHead, body: Readable): void
  /** Before or after the answer began. */
  onFailed(failure: CallFailure): void
  /** No connection in time, or silence for too long. */
  onTimeout(): void
}

export interface UpstreamCall {
  /** Ends a call that nobody waits for any more. One whose answer came whole ends by itself. */
  abort(): void
}
