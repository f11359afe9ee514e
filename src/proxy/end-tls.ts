/**
 * Ends the TLS of a client with a leaf for the name that it asks for. A handshake without a name is closed: nobody could say
 * what it is for.
 */
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { canonicalHost } from '../core/routing/canonical-host.ts'
import type { CertificateAuthority } from './certificate-authority.ts'
import type { ClientConnection } from './client-connection.ts'
import { proxyLimits } from './limits.ts'

export interface TlsEndOptions {
  /** What the handshake begins on: the connection's own socket. */
  readonly socket: Socket
  /** Of the CONNECT, where there was one: TLS may ask for no other. */
  readonly expectedHost: string | undefined
  onSecure(tls: TLSSocket, host: string): void
}

export type TlsEnd = (connection: ClientConnection, options: TlsEndOptions) => void

export function createTlsEnd(authority: CertificateAuthority): TlsEnd {
  /** Until the name is known: without a certificate, so that a handshake without a name fails. */
  const nameless = createSecureContext()
  return (connection, { socket, expectedHost, onSecure }) => {
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext: nameless,
      // In the order that we prefer them in.
      ALPNProtocols: ['h2', 'http/1.1'],
      SNICallback: (name, callback) => {
        contextFor({ authority, name, expectedHost, isWanted: () => !socket.destroyed }).then(
          (context) => callback(null, context),
          (error: Error) => callback(error),
        )
      },
    })
    connection.speak({ endSoon: () => tls.destroySoon() })
    const timer = setTimeout(() => connection.destroy(), proxyLimits.handshakeTimeoutMs)
    tls.once('close', () => clearTimeout(timer))
    tls.on('error', () => connection.destroy())
    tls.once('secure', () => {
      clearTimeout(timer)
      const asked = canonicalHost(typeof tls.servername === 'string' ? tls.servername : '')
      if (asked.kind === 'name') onSecure(tls, asked.name)
      else tls.destroy()
    })
  }
}

interface AskedName {
  readonly authority: CertificateAuthority
  readonly name: string
  readonly expectedHost: string | undefined
  isWanted(): boolean
}

/** A context for a name that is one; a name other than the tunnel was opened for is refused in the handshake. */
async function contextFor({ authority, name, expectedHost, isWanted }: AskedName): Promise<SecureContext> {
  const host = canonicalHost(name)
  if (host.kind !== 'name') throw new Error('the name that TLS asks for is not a host name')
  if (expectedHost !== undefined && host.name !== expectedHost)
    throw new Error('TLS asks for another name than CONNECT')
  return authority.contextFor(host.name, isWanted)
}
