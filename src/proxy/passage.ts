/**
 * The body of an answer on its way: to the client at once, then to the tap. The tap reads a copy after the bytes were passed
 * on; only it can hold the stream (no room in the budget) or end it.
 */
import type { Readable } from 'node:stream'
import type { StreamFilter } from '../core/metering/usage-chunk-filter.ts'
import type { ClientResponse } from './client-messages.ts'
import { createEventBoundary } from './event-boundary.ts'
import type { Extension } from './lease.ts'
import { proxyLimits } from './limits.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { AnswerHead } from './upstream-call.ts'

/** Reads the response as it passes. */
export interface ResponseTap {
  /** A promise holds the stream until it says `go`; `end` cuts it. */
  feed(chunk: Buffer): Promise<Extension> | undefined
}

export type PassageEnd =
  | { readonly kind: 'complete' }
  | { readonly kind: 'cut'; readonly wasSent: true }
  | { readonly kind: 'failed'; readonly error: Error }

export interface PassageOptions {
  readonly head: AnswerHead
  readonly body: Readable
  /** Its head is written. */
  readonly response: ClientResponse
  readonly traffic: OpenExchange['traffic']
  readonly tap: ResponseTap | undefined
  /** What the client gets of each chunk, where it does not get them all; the tap does. */
  readonly filter: StreamFilter | undefined
  /** What a cut writes at the end of an event stream; `undefined` for a reset. */
  terminalEvent(): string | undefined
  /** Called once, never after `stop`. */
  onEnd(end: PassageEnd): void
}

export interface Passage {
  fail(error: Error): void
  /** Ends it at the end of an event. */
  cut(): void
  /** Nothing passes any more. */
  stop(): void
}

export function pass({ head, body, response, traffic, tap, filter, terminalEvent, onEnd }: PassageOptions): Passage {
  const isStream = isEventStream(head)
  const takesEvent = isStream && takesMore(head)
  const boundary = createEventBoundary()
  let state: 'flowing' | 'cutting' | 'over' = 'flowing'
  let eventEndTimer: NodeJS.Timeout | undefined
  let holds = 0
  // A stream's head goes out at once. A document's travels with its body, which mostly is there already.
  const headTimer = isStream ? undefined : setImmediate(() => response.flushHeaders())
  if (isStream) response.flushHeaders()

  const stop = () => {
    state = 'over'
    clearTimeout(eventEndTimer)
    clearImmediate(headTimer)
  }
  const hold = () => {
    holds += 1
    body.pause()
  }
  const release = () => {
    holds -= 1
    if (holds === 0 && state !== 'over') body.resume()
  }
  const endCut = () => {
    if (state === 'over') return
    stop()
    onEnd({ kind: 'cut', wasSent: true })
    body.destroy()
    const event = takesEvent ? terminalEvent() : undefined
    if (event !== undefined) response.end(event)
    // What was cut cannot be made well-formed: a reset is the only honest end.
    else response.destroy()
  }
  const beginCut = () => {
    if (state !== 'flowing') return
    state = 'cutting'
    if (!takesEvent || boundary.isAtEnd) return endCut()
    eventEndTimer = setTimeout(endCut, proxyLimits.eventEndWaitMs)
    holds = 0
    body.resume()
  }
  const passLast = (chunk: Buffer) => {
    const passed = filter ? filter.push(chunk) : chunk
    const end = boundary.endWithin(passed)
    const last = end === -1 ? passed : passed.subarray(0, end)
    if (last.length > 0) response.write(last)
    tap?.feed(filter ? chunk : last)
    if (end === -1) boundary.push(passed)
    else endCut()
  }
  const fail = (error: Error) => {
    if (state === 'over') return
    if (state === 'cutting') return endCut()
    stop()
    onEnd({ kind: 'failed', error })
    response.destroy()
  }

  body.on('data', (chunk: Buffer) => {
    if (state === 'over') return
    traffic.answerBytes += chunk.length
    clearImmediate(headTimer)
    if (state === 'cutting') return passLast(chunk)
    const passed = filter ? filter.push(chunk) : chunk
    const isFlowing = passed.length === 0 || response.write(passed)
    if (takesEvent) boundary.push(passed)
    if (!isFlowing) {
      hold()
      response.once('drain', release)
    }
    const decided = tap?.feed(chunk)
    if (!decided) return
    hold()
    decided.then(
      (extension) => (extension === 'go' ? release() : beginCut()),
      () => beginCut(),
    )
  })
  body.once('end', () => {
    if (state === 'over') return
    if (state === 'cutting') return endCut()
    stop()
    onEnd({ kind: 'complete' })
    response.end(filter?.end())
  })
  return { fail, cut: beginCut, stop }
}

export function isEventStream({ headers }: AnswerHead): boolean {
  return /^text\/event-stream\b/i.test(headers['content-type'] ?? '')
}

export function isCoded({ headers }: AnswerHead): boolean {
  return (headers['content-encoding'] ?? 'identity') !== 'identity'
}

/** Whether an event of ours can follow: not where the length is announced, nor inside of a coding. */
function takesMore(head: AnswerHead): boolean {
  return head.headers['content-length'] === undefined && !isCoded(head)
}
