/**
 * An exchange on a plain route: bytes pass both ways as they come, unmetered, held in memory only as far as a slow side asks
 * for it. The route's credential, if it has one, takes the place of the client's.
 */
import type { Readable } from 'node:stream'
import { placeholderCredential } from '../core/provider/provider.ts'
import { createCredentialMask } from '../core/routing/credential-mask.ts'
import type { Route } from '../core/routing/route.ts'
import { giveRoutedEnd, refuse } from './answer.ts'
import type { BodyShare } from './body-quota.ts'
import { forward } from './forward.ts'
import { type Authorization, authorizedQuery, clientHeaders, scrubOf, tracesOf, upstreamHeaders } from './heads.ts'
import { proxyLimits } from './limits.ts'
import { readBody } from './read-body.ts'
import { readCredential } from './read-credential.ts'
import type { DecidedRequest } from './ready-request.ts'
import type { UpstreamRequest } from './upstream-call.ts'

export interface RoutedRequest extends DecidedRequest {
  readonly route: Route
}

export async function runRouted(routed: RoutedRequest, share: BodyShare): Promise<void> {
  const { request, response, line, egress, exchange, route } = routed
  const { auth } = route
  const authorization = auth && (await readCredential(routed, { kind: 'route', auth }))
  if (auth && !authorization) return giveRoutedEnd(routed, { kind: 'cut', wasSent: false })
  const head = upstreamHead(routed, authorization)
  if (carriesPlaceholder(head)) {
    const reason = `the request carries the placeholder of a provider's credential, which is worth nothing at ${line.host}`
    return refuse(routed, { status: 403, code: 'placeholder', reason })
  }
  const body = await bodyOf(routed, share)
  if (!body) return
  const traces = tracesOf(authorization)
  const scrub = scrubOf(traces, placeholderCredential)
  const end = await forward({
    upstream: egress.upstream,
    request: { ...head, body },
    response,
    exchange,
    openMask: () => createCredentialMask(traces),
    onHead: ({ statusMessage = '', rawHeaders }) => ({
      reason: scrub(statusMessage),
      headers: clientHeaders(rawHeaders, scrub),
    }),
    terminalEvent: () => undefined,
  })
  giveRoutedEnd(routed, end)
  dropRest(request.body)
}

function upstreamHead(
  { request, line }: RoutedRequest,
  authorization: Authorization | undefined,
): Omit<UpstreamRequest, 'body'> {
  const { host, method, path, query, bodyBytes } = line
  return {
    host,
    method,
    target: `${path}${authorization ? authorizedQuery(query, authorization) : query}`,
    headers: upstreamHeaders({
      raw: request.rawHeaders,
      authorization,
      contentLength: bodyBytes !== 0 || bodyMethods.has(method) ? bodyBytes : undefined,
      answerCoding: 'any',
    }),
  }
}

/** Without a length of 0 a server might wait for a body of these (RFC 9110 §8.6). */
const bodyMethods = new Set(['POST', 'PUT', 'PATCH'])

/** A program that sends it elsewhere was told the wrong host; nobody but the provider's own clients should have it. */
function carriesPlaceholder({ target, headers }: Omit<UpstreamRequest, 'body'>): boolean {
  return target.includes(placeholderCredential) || headers.some((value) => value.includes(placeholderCredential))
}

/** A short body is held, so that it can be sent again where a pooled connection turns out to be closed. */
async function bodyOf(routed: RoutedRequest, share: BodyShare): Promise<UpstreamRequest['body'] | undefined> {
  const { bodyBytes } = routed.line
  if (bodyBytes === undefined || bodyBytes > proxyLimits.maxHeldBytes) return routed.request.body
  return (await readBody(routed, share))?.chunks
}

/** What a client still sends after its answer: read and dropped for a while, so that it can read that answer. */
function dropRest(body: Readable): void {
  if (body.readableEnded || body.destroyed) return
  const timer = setTimeout(() => body.destroy(), proxyLimits.refusalDrainMs)
  body.once('close', () => clearTimeout(timer))
  body.unpipe()
  body.resume()
}
