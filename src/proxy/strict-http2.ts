/**
 * The strict front of HTTP/2. nghttp2 resets what is malformed by RFC 9113 §8.1.1 before it comes here: pseudo fields that are
 * missing, unknown, doubled or late, connection-specific fields, a content length that is not that of the data, extended
 * CONNECT (RFC 8441), which was not offered.
 */

import {
  type Arrival,
  hostOf,
  methodFault,
  refused,
  type StrictRequest,
  strictRequest,
} from '../core/routing/strict-request.ts'
import { headerValues, type RawHeaders } from './heads.ts'
import { proxyLimits } from './limits.ts'

export interface Http2Head {
  /** By name, with the colon. */
  readonly pseudo: ReadonlyMap<string, string>
  /** Without pseudo fields. */
  readonly rawHeaders: RawHeaders
  /** The stream ended with the head: there is no body. */
  readonly isEnded: boolean
}

/** Pseudo fields come first (RFC 9113 §8.3). */
export function readHttp2Head(fields: RawHeaders, isEnded: boolean): Http2Head {
  const pseudo = new Map<string, string>()
  let index = 0
  for (; fields[index]?.startsWith(':'); index += 2) pseudo.set(fields[index] ?? '', fields[index + 1] ?? '')
  return { pseudo, rawHeaders: fields.slice(index), isEnded }
}

export function strictHttp2Request({ pseudo, rawHeaders, isEnded }: Http2Head, arrival: Arrival): StrictRequest {
  const method = pseudo.get(':method') ?? ''
  const fault = methodFault(method)
  if (fault) return fault
  // Node holds only those to the size that was announced who acknowledge it.
  if (headBytes(pseudo, rawHeaders) > proxyLimits.maxHeadBytes)
    return refused(431, 'the head of the request is too long')
  if (pseudo.get(':scheme') !== 'https') return refused(400, 'the only scheme here is https')
  const authority = pseudo.get(':authority')
  if (authority === undefined) return refused(400, 'the request needs an :authority')
  const [length] = headerValues(rawHeaders, 'content-length')
  const announcedBytes = length === undefined ? undefined : Number(length)
  const claims = { method, authority, target: pseudo.get(':path') ?? '', bodyBytes: isEnded ? 0 : announcedBytes }
  const strict = strictRequest(claims, arrival)
  if (strict.kind === 'refused') return strict
  for (const value of headerValues(rawHeaders, 'host')) {
    const host = hostOf(value, arrival)
    if (host.kind === 'refused') return host
    if (host.name !== strict.host) return refused(400, 'the Host field is not the :authority')
  }
  return strict
}

function headBytes(pseudo: Http2Head['pseudo'], rawHeaders: RawHeaders): number {
  const regular = rawHeaders.reduce((total, text) => total + text.length, 0)
  return [...pseudo].reduce((total, [name, value]) => total + name.length + value.length, regular)
}
