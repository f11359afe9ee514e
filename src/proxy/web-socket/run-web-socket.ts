/**
 * The way of a request for a WebSocket: checked, opened to the provider with the real credential, and accepted only then. What
 * it is refused with is the provider's own answer. Nothing is spent by opening one: each request on it is metered by itself.
 */
import type { StreamFilter } from '../../core/metering/usage-chunk-filter.ts'
import { placeholderCredential } from '../../core/provider/provider.ts'
import { createCredentialMask } from '../../core/routing/credential-mask.ts'
import type { ProviderVerdict } from '../../core/routing/decide.ts'
import { giveCut, giveEnd, refuse } from '../answer.ts'
import type { ClientResponse } from '../client-messages.ts'
import { upstreamError } from '../forward.ts'
import { clientHeaders, type Scrub, scrubOf, tracesOf, upstreamHeaders, withoutCredentialParameters } from '../heads.ts'
import { proxyLimits } from '../limits.ts'
import { readCredential } from '../read-credential.ts'
import type { DecidedRequest } from '../ready-request.ts'
import type { AnswerHead } from '../upstream-call.ts'
import { acceptWebSocket, type Upgrade } from './accept.ts'
import { type AnsweredDial, dialWebSocket } from './dial.ts'
import { handshakeFault, withoutHandshake } from './handshake.ts'
import { runSession } from './session.ts'

export interface WebSocketRequest extends DecidedRequest {
  readonly verdict: ProviderVerdict
  readonly upgrade: Upgrade
}

/** Resolves when the WebSocket is over. Rejects, before anything is dialled, when there is no credential. */
export async function runWebSocket(asked: WebSocketRequest): Promise<void> {
  const { request, response, line, verdict, egress, exchange, upgrade, sockets } = asked
  const fault = handshakeFault(request.rawHeaders)
  if (fault) return refuse(asked, { code: 'bad_handshake', ...fault })
  // It is not among them yet: nothing was waited for since it came.
  if (sockets.open.size >= proxyLimits.maxWebSockets) {
    const reason = `this bottle has ${proxyLimits.maxWebSockets} WebSockets open`
    return refuse(asked, { status: 426, code: 'too_many_websockets', reason })
  }
  const authorization = await readCredential(asked, { kind: 'provider', provider: verdict.provider })
  if (!authorization) return giveCut(asked, line)
  const traces = tracesOf(authorization)
  const scrub = scrubOf(traces, placeholderCredential)
  const gone = new AbortController()
  const onGone = () => gone.abort()
  response.once('close', onGone)
  const dialled = await dialWebSocket({
    to: egress.upstream.dialOptions(line.host),
    host: line.host,
    target: `${line.path}${withoutCredentialParameters(line.query)}`,
    headers: upstreamHeaders({
      raw: withoutHandshake(request.rawHeaders),
      authorization,
      contentLength: undefined,
      answerCoding: 'none',
    }),
    signal: AbortSignal.any([exchange.signal, gone.signal]),
  })
  response.off('close', onGone)
  switch (dialled.kind) {
    case 'open': {
      const client = acceptWebSocket(upgrade, headersFor(dialled.head, scrub))
      if (!client) return dialled.socket.terminate()
      exchange.traffic.isWebSocket = true
      return runSession({ ...asked, client, upstream: dialled.socket })
    }
    case 'answered':
      return passAnswer(response, dialled, { scrub, mask: createCredentialMask(traces) })
    case 'aborted':
      return exchange.signal.aborted ? giveCut(asked, line) : undefined
    case 'failed':
      return giveEnd(asked, { kind: 'upstream_failed', wasSent: false, error: upstreamError(line.host, dialled.error) })
    case 'timeout':
      return giveEnd(asked, { kind: 'upstream_timeout', wasSent: false, hadHead: false })
  }
}

/** What the provider says instead of a WebSocket. */
function passAnswer(
  response: ClientResponse,
  { head, body }: AnsweredDial,
  { scrub, mask }: { readonly scrub: Scrub; readonly mask: StreamFilter | undefined },
): void {
  const reason = scrub(head.statusMessage ?? '')
  const length = ['content-length', String(body.length), 'connection', 'close']
  response.writeHead(head.statusCode ?? 502, reason, [...headersFor(head, scrub), ...length])
  response.end(mask ? Buffer.concat([mask.push(body), mask.end()]) : body)
}

function headersFor({ rawHeaders }: AnswerHead, scrub: Scrub): string[] {
  return withoutHandshake(clientHeaders(rawHeaders, scrub))
}
