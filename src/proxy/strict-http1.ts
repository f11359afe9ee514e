/** The strict front of HTTP/1.1: framing that two servers could read differently, the absolute form, the Host field. */
import type { IncomingMessage } from 'node:http'
import {
  type Arrival,
  hostOf,
  methodFault,
  type RefusedRequest,
  refused,
  type StrictRequest,
  strictRequest,
} from '../core/routing/strict-request.ts'
import { headerValues } from './heads.ts'

export function strictHttp1Request(request: IncomingMessage, arrival: Arrival): StrictRequest {
  const { method = '', url = '', httpVersion, rawHeaders } = request
  if (httpVersion !== '1.1') return refused(505, `HTTP/${httpVersion} is not spoken here, HTTP/1.1 and HTTP/2 are`)
  const fault = methodFault(method)
  if (fault) return fault
  const framing = readFraming(request)
  if (framing.kind === 'refused') return framing

  const target = originForm(url, arrival)
  if (target.kind === 'refused') return target
  const hosts = headerValues(rawHeaders, 'host')
  const [authority = ''] = hosts
  if (hosts.length !== 1) return refused(400, 'the request needs exactly one Host field')
  const strict = strictRequest({ method, authority, target: target.target, bodyBytes: framing.bodyBytes }, arrival)
  if (strict.kind === 'request' && target.host !== undefined && target.host !== strict.host) {
    return refused(400, 'the host of the request line is not that of the Host field')
  }
  return strict
}

type Framing = { readonly kind: 'framing'; readonly bodyBytes: number | undefined } | RefusedRequest

/** Ambiguous framing is how a second request is smuggled in (RFC 9112 §6.3, §11.2). */
function readFraming({ rawHeaders }: IncomingMessage): Framing {
  const lengths = headerValues(rawHeaders, 'content-length')
  const codings = headerValues(rawHeaders, 'transfer-encoding')
  if (lengths.length > 1 || codings.length > 1) return refused(400, 'the request says twice how long it is')
  if (lengths.length === 1 && codings.length === 1)
    return refused(400, 'the request has both Content-Length and Transfer-Encoding')
  if (codings.length === 1 && codings[0]?.toLowerCase() !== 'chunked')
    return refused(400, 'the only transfer coding that passes is chunked')
  return { kind: 'framing', bodyBytes: codings.length === 1 ? undefined : Number(lengths[0] ?? 0) }
}

type OriginForm = { readonly kind: 'target'; readonly target: string; readonly host?: string } | RefusedRequest

/** The absolute form is for proxies, and only without TLS (RFC 9112 §3.2.2). */
function originForm(url: string, arrival: Arrival): OriginForm {
  if (url.startsWith('/')) return { kind: 'target', target: url }
  const absolute = /^http:\/\/([^/?#]*)(.*)$/i.exec(url)
  if (!absolute || arrival.isSecure) return refused(400, 'the request line needs a path that begins with /')
  const host = hostOf(absolute[1] ?? '', arrival)
  if (host.kind === 'refused') return host
  const rest = absolute[2] ?? ''
  return { kind: 'target', host: host.name, target: rest.startsWith('/') ? rest : `/${rest}` }
}
