/**
 * The strict front: what Node's parser accepts but must not pass, because a server behind could read it differently.
 * One canonical host comes out; it alone is used afterwards.
 */
import type { IncomingMessage } from 'node:http'
import { canonicalHost, splitAuthority } from '../core/routing/canonical-host.ts'
import { requestPath } from '../core/routing/request-path.ts'
import { headerValues } from './heads.ts'

/** How the bytes came in. Not what the client says: which listener, and which name its TLS handshake asked for. */
export interface Arrival {
  readonly isSecure: boolean
  /** The canonical name of the TLS handshake or of the CONNECT; absent on plain port 80. */
  readonly host: string | undefined
}

export type StrictRequest =
  | {
      readonly kind: 'request'
      readonly host: string
      readonly method: string
      readonly path: string
      readonly query: string
      /** Of the path, as `requestPath` tells of it. */
      readonly oddity: string | undefined
      /** Where the head says it. */
      readonly bodyBytes: number | undefined
    }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

const bodilessMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])

export function strictRequest(request: IncomingMessage, arrival: Arrival): StrictRequest {
  const method = request.method ?? ''
  if (request.httpVersion !== '1.1') return refused(505, `HTTP/${request.httpVersion} is not spoken here, HTTP/1.1 is`)
  if (method === 'TRACE' || method === 'CONNECT') return refused(405, `the method ${method} does not pass`)
  const framing = readFraming(request, method)
  if (framing.kind === 'refused') return framing

  const target = originForm(request.url ?? '', arrival)
  if (target.kind === 'refused') return target
  const hosts = headerValues(request.rawHeaders, 'host')
  if (hosts.length !== 1) return refused(400, 'the request needs exactly one Host field')
  const host = hostOf(hosts[0] ?? '', arrival)
  if (host.kind === 'refused') return host
  if (target.host !== undefined && target.host !== host.name) {
    return refused(400, 'the host of the request line is not that of the Host field')
  }
  if (arrival.host !== undefined && arrival.host !== host.name) {
    return refused(421, `this connection was opened for ${arrival.host}, the Host field names ${host.name}`)
  }
  const path = requestPath(target.target)
  if (path.kind === 'refused') return refused(400, `the path cannot be decided on: ${path.why}`)
  const { query, oddity } = path
  return { kind: 'request', host: host.name, method, path: path.path, query, oddity, bodyBytes: framing.bodyBytes }
}

type Framing =
  | { readonly kind: 'framing'; readonly bodyBytes: number | undefined }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

/** Ambiguous framing is how a second request is smuggled in (RFC 9112 §6.3, §11.2). */
function readFraming({ rawHeaders }: IncomingMessage, method: string): Framing {
  const lengths = headerValues(rawHeaders, 'content-length')
  const codings = headerValues(rawHeaders, 'transfer-encoding')
  if (lengths.length > 1 || codings.length > 1) return refused(400, 'the request says twice how long it is')
  if (lengths.length === 1 && codings.length === 1)
    return refused(400, 'the request has both Content-Length and Transfer-Encoding')
  if (codings.length === 1 && codings[0]?.toLowerCase() !== 'chunked')
    return refused(400, 'the only transfer coding that passes is chunked')
  const bodyBytes = codings.length === 1 ? undefined : Number(lengths[0] ?? 0)
  if (bodyBytes !== 0 && bodilessMethods.has(method)) return refused(400, `a ${method} request has no body here`)
  return { kind: 'framing', bodyBytes }
}

type OriginForm =
  | { readonly kind: 'target'; readonly target: string; readonly host?: string }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

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

type HostReading =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

function hostOf(authority: string, { isSecure }: Arrival): HostReading {
  const parts = splitAuthority(authority)
  if (!parts) return refused(400, 'the host is not a name with an optional port')
  const ownPort = isSecure ? 443 : 80
  if (parts.port !== undefined && parts.port !== ownPort) return refused(403, `only port ${ownPort} is open here`)
  const host = canonicalHost(parts.host)
  switch (host.kind) {
    case 'name':
      return host
    case 'address':
      return refused(403, 'addresses are not allowed as hosts, only names are')
    case 'invalid':
      return refused(400, `the host is not a name: ${host.why}`)
  }
}

function refused(status: number, reason: string) {
  return { kind: 'refused', status, reason } as const
}
