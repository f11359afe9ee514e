/**
 * The listeners of one bottle: who came in here is this bottle, whatever the bytes say (I7).
 *
 * Transparent :443 ends TLS with a leaf for the name asked for; transparent :80 and the explicit proxy on :3128 lead to the
 * same front.
 */
import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import { createResponseContexts } from '../core/metering/response-contexts.ts'
import type { Arrival } from '../core/routing/strict-request.ts'
import type { SandboxListeners } from '../sandbox/sandbox.ts'
import { createBodyQuota } from './body-quota.ts'
import type { CertificateAuthority } from './certificate-authority.ts'
import { ClientConnection } from './client-connection.ts'
import { connectTarget, refuseConnect } from './connect-target.ts'
import type { Egress } from './egress.ts'
import { createTlsEnd } from './end-tls.ts'
import { runExchange } from './exchange.ts'
import { createHttp1Front } from './http1-front.ts'
import { serveHttp2 } from './http2-front.ts'
import { proxyLimits } from './limits.ts'
import { openExchange } from './open-exchange.ts'
import { createOpenExchanges } from './open-exchanges.ts'
import type { ArrivedRequest } from './ready-request.ts'
import { createBottleSockets } from './web-socket/bottle-sockets.ts'

export interface BottleProxyOptions {
  readonly listeners: SandboxListeners
  readonly authority: CertificateAuthority
  readonly egress: Egress
}

export interface BottleProxy extends AsyncDisposable {
  readonly openExchanges: number
  /** Refuses every new exchange from now on. */
  refuse(message: string): void
  /** The same, and ends what is open. Resolves when nothing flows and all is settled. */
  cut(message: string): Promise<{ readonly endedExchanges: number }>
  /** Lets requests pass again. */
  reopen(): void
  /** Accepts nothing more and breaks off what is open, without a word. Resolves when all is settled. */
  leave(): Promise<void>
}

/** On a listener without TLS the request says itself which host it is for. */
const plainArrival: Arrival = { isSecure: false, host: undefined }

export function openBottleProxy({ listeners, authority, egress }: BottleProxyOptions): BottleProxy {
  const connections = new Set<ClientConnection>()
  const exchanges = createOpenExchanges()
  const sockets = createBottleSockets(exchanges)
  const contexts = createResponseContexts()
  const bodies = createBodyQuota(proxyLimits.maxBodiesBytes)
  let cutMessage: string | undefined

  const refuse = (message: string) => {
    cutMessage ??= message
  }
  const onRequest = (arrived: ArrivedRequest) => {
    const exchange = openExchange(egress.newId())
    if (cutMessage !== undefined) exchange.cut(cutMessage)
    const open = arrived.upgrade ? sockets.open : exchanges
    open.add(exchange, runExchange({ ...arrived, egress, exchange, bodies, sockets, contexts }).catch(egress.onBug))
  }
  const hasRoom = () => exchanges.size < proxyLimits.maxExchanges
  const front = createHttp1Front({
    onRequest,
    onConnect: (_, socket) => refuseConnect(socket, { status: 405, reason: 'CONNECT is for the explicit proxy' }),
  })
  const endTls = createTlsEnd(authority)
  const serveTls = (connection: ClientConnection, socket: Socket, expectedHost?: string) => {
    endTls(connection, {
      socket,
      expectedHost,
      onSecure(tls, host) {
        const arrival = { isSecure: true, host }
        if (tls.alpnProtocol === 'h2') serveHttp2({ connection, socket: tls, arrival }, { hasRoom, onRequest })
        else front.serve({ connection, arrival }, tls)
      },
    })
  }
  const onConnect = ({ url = '' }: IncomingMessage, socket: Socket, connection: ClientConnection) => {
    const target = connectTarget(url)
    if (target.kind === 'refused') {
      const { status, reason } = target
      egress.on.denied({ method: 'CONNECT', host: url, path: '', status, code: 'bad_target', reason })
      return refuseConnect(socket, target)
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (target.isSecure) serveTls(connection, socket, target.host)
    else front.serve({ connection, arrival: { isSecure: false, host: target.host } }, socket)
  }
  const explicit = createHttp1Front({ onRequest, onConnect })

  const accept = (server: Server | undefined, serve: (connection: ClientConnection, socket: Socket) => void) => {
    if (!server) return
    server.maxConnections = proxyLimits.maxConnections
    server.on('connection', (socket) => {
      const connection = new ClientConnection(socket)
      connections.add(connection)
      socket.once('close', () => connections.delete(connection))
      serve(connection, socket)
    })
  }
  accept(listeners.proxy, (connection, socket) => explicit.serve({ connection, arrival: plainArrival }, socket))
  accept(listeners.http, (connection, socket) => front.serve({ connection, arrival: plainArrival }, socket))
  accept(listeners.tls, serveTls)

  return {
    get openExchanges() {
      return exchanges.size
    },
    refuse,
    async cut(message) {
      refuse(message)
      const ending = exchanges.entries()
      const closing = sockets.open.entries()
      for (const { exchange } of [...ending, ...closing]) exchange.cut(message)
      for (const connection of connections) connection.endSoon()
      await Promise.all([...ending, ...closing].map(({ ended }) => ended))
      return { endedExchanges: ending.length }
    },
    reopen() {
      cutMessage = undefined
    },
    async leave() {
      for (const server of [listeners.proxy, listeners.http, listeners.tls]) server?.close()
      for (const connection of connections) connection.destroy()
      const open = [...exchanges.entries(), ...sockets.open.entries()]
      await Promise.all(open.map(({ ended }) => ended))
    },
    async [Symbol.asyncDispose]() {
      const listening = [listeners.proxy, listeners.http, listeners.tls].filter((server) => server !== undefined)
      const closed = listening.map((server) => new Promise((resolve) => server.close(resolve)))
      await this.cut('bot-bottle: this bottle has ended')
      for (const connection of connections) connection.destroy()
      front.close()
      explicit.close()
      await Promise.all(closed)
    },
  }
}
