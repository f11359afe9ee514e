/** Where a CONNECT to the explicit proxy leads. Whether the host is allowed is answered inside, where it can be read. */
import type { Socket } from 'node:net'
import { canonicalHost, splitAuthority } from '../core/routing/canonical-host.ts'

export type ConnectTarget =
  | { readonly kind: 'target'; readonly host: string; readonly isSecure: boolean }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

/** `host:port`, the port being required (RFC 9110 §9.3.6). */
export function connectTarget(authority: string): ConnectTarget {
  const parts = splitAuthority(authority)
  if (parts?.port === undefined) return { kind: 'refused', status: 400, reason: 'CONNECT needs host:port' }
  if (parts.port !== 443 && parts.port !== 80)
    return { kind: 'refused', status: 403, reason: 'only ports 443 and 80 are open' }
  const host = canonicalHost(parts.host)
  if (host.kind === 'invalid') return { kind: 'refused', status: 400, reason: `the host is not a name: ${host.why}` }
  if (host.kind === 'address') {
    return { kind: 'refused', status: 403, reason: 'addresses are not allowed as hosts, only names are' }
  }
  return { kind: 'target', host: host.name, isSecure: parts.port === 443 }
}

export function refuseConnect(
  socket: Socket,
  { status, reason }: { readonly status: number; readonly reason: string },
): void {
  const body = `bot-bottle: ${reason}\n`
  const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\nconnection: close`
  socket.write(`${head}\r\n\r\n${body}`)
  socket.destroySoon()
}
