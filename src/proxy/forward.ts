/**
 * Sends a decided request upstream and its answer to the client, byte for byte, with a tap on the side.
 * The tap reads a copy after the bytes were passed on; only it can hold the stream (no room in the budget) or end it.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { BottleError, messageOf } from '../core/errors.ts'
import { createEventBoundary } from './event-boundary.ts'
import type { Extension } from './lease.ts'
import { proxyLimits } from './limits.ts'
import type { Upstream, UpstreamRequest } from './upstream.ts'

/** Reads the response as it passes. */
export interface ResponseTap {
  /** A promise holds the stream until it says `go`; `end` cuts it. */
  feed(chunk: Buffer): Promise<Extension> | undefined
}

export interface ForwardOptions {
  readonly upstream: Upstream
  readonly request: UpstreamRequest
  readonly body: readonly Buffer[]
  readonly response: ServerResponse
  /** Aborted when the bottle is cut. */
  readonly cut: AbortSignal
  /** Called once with the upstream's head: gives the head for the client, and the tap. */
  onHead(head: IncomingMessage): {
    readonly reason: string
    readonly headers: readonly string[]
    readonly tap?: ResponseTap
  }
  /** What a cut writes at the end of an event stream. */
  terminalEvent(): string
}

/**
 * `wasSent`: the request may have reached the provider. `hadHead`: the client already has the head of an answer.
 */
export type ForwardEnd =
  | { readonly kind: 'complete' }
  | { readonly kind: 'client_gone'; readonly wasSent: boolean }
  | { readonly kind: 'cut'; readonly wasSent: boolean }
  | { readonly kind: 'upstream_failed'; readonly wasSent: boolean; readonly error: BottleError }
  | { readonly kind: 'upstream_timeout'; readonly wasSent: boolean; readonly hadHead: boolean }

/** Never rejects. When it resolves nothing of the exchange flows any more, in either direction. */
export async function forward(options: ForwardOptions): Promise<ForwardEnd> {
  const first = await attempt(options)
  // A pooled connection that the provider closed just now: nothing was served there (RFC 9112 §9.3.1). Once more, fresh.
  return first.kind === 'stale' ? asFinal(await attempt(options)) : first
}

type AttemptEnd = ForwardEnd | { readonly kind: 'stale'; readonly end: ForwardEnd }

function asFinal(end: AttemptEnd): ForwardEnd {
  return end.kind === 'stale' ? end.end : end
}

function attempt(options: ForwardOptions): Promise<AttemptEnd> {
  const { upstream, request, body, response, cut } = options
  if (cut.aborted) return Promise.resolve({ kind: 'cut', wasSent: false })
  if (response.destroyed) return Promise.resolve({ kind: 'client_gone', wasSent: false })
  const { promise, resolve } = Promise.withResolvers<AttemptEnd>()
  const outgoing = upstream.request(request)
  const startedAtMs = performance.now()
  const state = { wasSent: false, isOver: false }
  let passage: Passage | undefined

  const finish = (end: AttemptEnd) => {
    if (state.isOver) return
    state.isOver = true
    clearTimeout(connectTimer)
    response.off('close', onClientClose)
    cut.removeEventListener('abort', onCut)
    // An answer may be complete before the request is; nobody would read the rest of it.
    if (end.kind !== 'complete' || !outgoing.writableFinished) outgoing.destroy()
    resolve(end)
  }
  const onClientClose = () => finish({ kind: 'client_gone', wasSent: state.wasSent })
  // With a head out, the passage ends the exchange, at the end of an event.
  const onCut = () => (passage ? passage.cut() : finish({ kind: 'cut', wasSent: state.wasSent }))
  const onTimeout = () => finish({ kind: 'upstream_timeout', wasSent: state.wasSent, hadHead: passage !== undefined })
  const connectTimer = setTimeout(onTimeout, proxyLimits.connectTimeoutMs)

  response.once('close', onClientClose)
  cut.addEventListener('abort', onCut, { once: true })
  outgoing.once('timeout', onTimeout)
  whenConnected(outgoing, () => {
    state.wasSent = true
    clearTimeout(connectTimer)
  })
  const onError = (error: Error) => {
    if (passage) return passage.fail(error)
    const end = { kind: 'upstream_failed', wasSent: state.wasSent, error: upstreamError(request.host, error) } as const
    const wasStale = isReset(error) && outgoing.reusedSocket && isYoung(startedAtMs)
    finish(wasStale ? { kind: 'stale', end } : end)
  }
  outgoing.on('error', onError)
  // An unasked switch of protocols ends in neither an answer nor an error.
  outgoing.once('close', () => {
    if (!passage) onError(new Error('it closed the connection without an answer'))
  })
  outgoing.once('response', (incoming) => {
    if (state.isOver) return incoming.destroy()
    const { reason, headers, tap } = options.onHead(incoming)
    try {
      response.writeHead(incoming.statusCode ?? 502, reason, [...headers])
    } catch (error) {
      // Node's parser takes status codes and bytes that its writer refuses.
      incoming.destroy()
      response.statusMessage = ''
      return onError(new Error('its answer has a malformed head', { cause: error }))
    }
    passage = pass({
      incoming,
      response,
      tap,
      terminalEvent: options.terminalEvent,
      isOver: () => state.isOver,
      finish,
      host: request.host,
    })
  })
  for (const chunk of body.slice(0, -1)) outgoing.write(chunk)
  outgoing.end(body.at(-1))
  return promise
}

interface Passing {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly tap: ResponseTap | undefined
  readonly host: string
  terminalEvent(): string
  isOver(): boolean
  finish(end: ForwardEnd): void
}

/** An answer on its way: its connection may fail, and it may be cut. */
interface Passage {
  fail(error: Error): void
  cut(): void
}

/** The body: to the client at once, then to the tap. */
function pass(passing: Passing): Passage {
  const { incoming, response, tap, host, terminalEvent, isOver, finish } = passing
  const isStream = isEventStream(incoming)
  const boundary = createEventBoundary()
  let eventEndTimer: NodeJS.Timeout | undefined
  let isCutting = false
  let holds = 0
  // A stream's head goes out at once. A document's travels with its body, which mostly is there already.
  const headTimer = isStream ? undefined : setImmediate(() => response.flushHeaders())
  if (isStream) response.flushHeaders()

  const hold = () => {
    holds += 1
    incoming.pause()
  }
  const release = () => {
    holds -= 1
    if (holds === 0 && !isOver()) incoming.resume()
  }
  const endCut = () => {
    clearTimeout(eventEndTimer)
    if (isOver()) return
    finish({ kind: 'cut', wasSent: true })
    incoming.destroy()
    if (isStream && takesMore(incoming)) response.end(terminalEvent())
    // A document that was cut cannot be made well-formed: a reset is the only honest end.
    else response.destroy()
  }
  const beginCut = () => {
    if (isCutting || isOver()) return
    isCutting = true
    if (!isStream || boundary.isAtEnd) return endCut()
    eventEndTimer = setTimeout(endCut, proxyLimits.eventEndWaitMs)
    holds = 0
    incoming.resume()
  }

  incoming.on('data', (chunk: Buffer) => {
    if (isOver()) return
    clearImmediate(headTimer)
    if (isCutting) {
      const end = boundary.endWithin(chunk)
      response.write(end === -1 ? chunk : chunk.subarray(0, end))
      tap?.feed(end === -1 ? chunk : chunk.subarray(0, end))
      if (end === -1) boundary.push(chunk)
      else endCut()
      return
    }
    const isFlowing = response.write(chunk)
    if (isStream) boundary.push(chunk)
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
  incoming.once('end', () => {
    if (isOver()) return
    clearImmediate(headTimer)
    if (isCutting) return endCut()
    finish({ kind: 'complete' })
    response.end()
  })
  const onError = (error: Error) => {
    if (isOver()) return
    if (isCutting) return endCut()
    finish({ kind: 'upstream_failed', wasSent: true, error: upstreamError(host, error) })
    response.destroy()
  }
  incoming.on('error', onError)
  return { fail: onError, cut: beginCut }
}

export function isEventStream({ headers }: IncomingMessage): boolean {
  return /^text\/event-stream\b/i.test(headers['content-type'] ?? '')
}

/** Whether an event of ours can follow: not where the length is announced, nor inside of a coding. */
function takesMore({ headers }: IncomingMessage): boolean {
  return headers['content-length'] === undefined && (headers['content-encoding'] ?? 'identity') === 'identity'
}

function whenConnected(outgoing: ClientRequest, onConnected: () => void): void {
  outgoing.once('socket', (socket) => {
    if (socket.connecting) socket.once('secureConnect', onConnected)
    else onConnected()
  })
}

function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/** Later the provider may have begun to work on it, and a second attempt would be billed beside the first. */
function isYoung(startedAtMs: number): boolean {
  return performance.now() - startedAtMs < proxyLimits.staleConnectionMs
}

function upstreamError(host: string, error: NodeJS.ErrnoException): BottleError {
  const hint =
    error.code === 'ERR_ADDRESS_NOT_ALLOWED'
      ? 'Only `upstreams` in settings.yml can open an exception.'
      : 'Look at `upstreams` and `upstream_ca` in settings.yml, and at the network of this host.'
  return new BottleError('upstream_failed', `${host} could not be reached: ${messageOf(error)}`, { hint, cause: error })
}
