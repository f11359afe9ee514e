/**
 * The strict front: what a parser accepts but must not pass, because a server behind could read it differently. One canonical
 * host comes out; it alone is used afterwards. Here is what holds for every version of HTTP.
 */
import { canonicalHost, splitAuthority } from './canonical-host.ts'
import { requestPath } from './request-path.ts'

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
  | RefusedRequest

export interface RefusedRequest {
  readonly kind: 'refused'
  readonly status: number
  readonly reason: string
}

/** What a head says, in the words of the client. */
export interface HeadClaims {
  readonly method: string
  readonly authority: string
  /** Path and query. */
  readonly target: string
  readonly bodyBytes: number | undefined
}

const bodilessMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])

export function strictRequest({ method, authority, target, bodyBytes }: HeadClaims, arrival: Arrival): StrictRequest {
  if (bodyBytes !== 0 && bodilessMethods.has(method)) return refused(400, `a ${method} request has no body here`)
  const host = hostOf(authority, arrival)
  if (host.kind === 'refused') return host
  if (arrival.host !== undefined && arrival.host !== host.name) {
    return refused(421, `this connection was opened for ${arrival.host}, the request names ${host.name}`)
  }
  const path = requestPath(target)
  if (path.kind === 'refused') return refused(400, `the path cannot be decided on: ${path.why}`)
  const { query, oddity } = path
  return { kind: 'request', host: host.name, method, path: path.path, query, oddity, bodyBytes }
}

/** TRACE would echo the credential, CONNECT would lead past the decision. */
export function methodFault(method: string): RefusedRequest | undefined {
  return method === 'TRACE' || method === 'CONNECT' ? refused(405, `the method ${method} does not pass`) : undefined
}

export function hostOf(
  authority: string,
  { isSecure }: Arrival,
): { readonly kind: 'name'; readonly name: string } | RefusedRequest {
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

export function refused(status: number, reason: string): RefusedRequest {
  return { kind: 'refused', status, reason }
}
