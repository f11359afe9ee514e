/**
 * Sends a decided request upstream and its answer to the client, byte for byte, with a tap on the side.
 */
import { BottleError, messageOf } from '../core/errors.ts'
import type { StreamFilter } from '../core/metering/usage-chunk-filter.ts'
import type { ClientResponse } from './client-messages.ts'
import type { OpenExchange } from './open-exchange.ts'
import { isCoded, type Passage, type PassageEnd, pass, type ResponseTap } from './passage.ts'
import { type OpenMask, screened } from './screened-answer.ts'
import type { Upstream } from './upstream.ts'
import type { AnswerHead, CallHandlers, UpstreamRequest } from './upstream-call.ts'
import { upstreamProxyErrorCode } from './upstream-proxy.ts'

export interface ForwardOptions {
  readonly upstream: Upstream
  readonly request: UpstreamRequest
  readonly response: ClientResponse
  readonly exchange: Pick<OpenExchange, 'signal' | 'traffic'>
  /** Called once with the upstream's head: gives the head for the client, the tap and the filter. */
  onHead(head: AnswerHead): {
    readonly reason: string
    readonly headers: readonly string[]
    readonly tap?: ResponseTap
    readonly filter?: StreamFilter | undefined
  }
  /** What a cut writes at the end of an event stream. */
  terminalEvent(): string | undefined
  /** Takes the real credential out of the body. */
  readonly openMask: OpenMask
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
  // Nothing was served there (RFC 9112 §9.3.1): once more.
  return first.kind === 'unprocessed' ? asFinal(await attempt(options)) : first
}

type AttemptEnd = ForwardEnd | { readonly kind: 'unprocessed'; readonly end: ForwardEnd }

function asFinal(end: AttemptEnd): ForwardEnd {
  return end.kind === 'unprocessed' ? end.end : end
}

/** How far an attempt has come; each goes on to the next or to `over`. */
type Phase =
  | { readonly kind: 'dialling' }
  /** The provider may have the request. */
  | { readonly kind: 'sent' }
  /** The client has the head of the answer. */
  | { readonly kind: 'passing'; readonly passage: Passage }
  | { readonly kind: 'over' }

function attempt({ upstream, request, response, exchange, ...options }: ForwardOptions): Promise<AttemptEnd> {
  const { signal: cut, traffic } = exchange
  if (cut.aborted) return Promise.resolve({ kind: 'cut', wasSent: false })
  if (response.destroyed) return Promise.resolve({ kind: 'client_gone', wasSent: false })
  const { promise, resolve } = Promise.withResolvers<AttemptEnd>()
  let phase: Phase = { kind: 'dialling' }
  const wasSent = () => phase.kind !== 'dialling'

  const finish = (end: AttemptEnd) => {
    if (phase.kind === 'over') return
    if (phase.kind === 'passing') phase.passage.stop()
    phase = { kind: 'over' }
    response.off('close', onClientClose)
    cut.removeEventListener('abort', onCut)
    if (end.kind !== 'complete') call.abort()
    resolve(end)
  }
  const onClientClose = () => finish({ kind: 'client_gone', wasSent: wasSent() })
  const onCut = () => {
    if (phase.kind === 'passing') phase.passage.cut()
    else finish({ kind: 'cut', wasSent: wasSent() })
  }
  const failed = (error: Error) =>
    ({ kind: 'upstream_failed', wasSent: wasSent(), error: upstreamError(request.host, error) }) as const
  const onPassageEnd = (end: PassageEnd) => finish(end.kind === 'failed' ? failed(end.error) : end)

  const handlers: CallHandlers = {
    onSent() {
      if (phase.kind === 'dialling') phase = { kind: 'sent' }
    },
    onTimeout: () => finish({ kind: 'upstream_timeout', wasSent: wasSent(), hadHead: phase.kind === 'passing' }),
    onFailed({ error, isUnprocessed }) {
      // With a head out, the passage ends the exchange.
      if (phase.kind === 'passing') return phase.passage.fail(error)
      if (phase.kind === 'over') return
      const end = failed(error)
      finish(isUnprocessed ? { kind: 'unprocessed', end } : end)
    },
    onAnswer(head, body) {
      if (phase.kind === 'over') return void body.destroy()
      const { reason, headers, tap, filter } = options.onHead(head)
      try {
        response.writeHead(head.statusCode ?? 502, reason, [...headers])
      } catch (error) {
        // Node's parser takes status codes and bytes that its writer refuses.
        return finish(failed(new Error('its answer has a malformed head', { cause: error })))
      }
      const { terminalEvent, openMask } = options
      const mask = isCoded(head) ? undefined : openMask()
      const whole = { head, body, response, traffic, tap, filter: inARow(filter, mask), terminalEvent }
      const passage = pass({ ...whole, onEnd: onPassageEnd })
      phase = { kind: 'passing', passage }
    },
  }
  const call = upstream.call(request, screened(handlers, options.openMask))
  response.once('close', onClientClose)
  cut.addEventListener('abort', onCut, { once: true })
  return promise
}

function inARow(first: StreamFilter | undefined, second: StreamFilter | undefined): StreamFilter | undefined {
  if (!first || !second) return first ?? second
  return {
    push: (chunk) => second.push(first.push(chunk)),
    end: () => Buffer.concat([second.push(first.end()), second.end()]),
  }
}

export function upstreamError(host: string, error: NodeJS.ErrnoException): BottleError {
  const message = `${host} could not be reached: ${messageOf(error)}`
  return new BottleError('upstream_failed', message, { hint: hintFor(error.code), cause: error })
}

function hintFor(code: string | undefined): string {
  switch (code) {
    case 'ERR_ADDRESS_NOT_ALLOWED':
      return 'Only `upstreams` in settings.yml can open an exception.'
    case upstreamProxyErrorCode:
    case 'credential_missing':
      return 'Look at `upstream_proxy` and `no_proxy` in settings.yml.'
    default:
      return 'Look at `upstreams` and `upstream_ca` in settings.yml, and at the network of this host.'
  }
}
