/**
 * Upstreams that do exactly what a test says: TLS on loopback with a CA of their own, and a handler for each socket or
 * each request. They count what reached them and close everything when disposed.
 */
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { createServerCertificate, type ServerCertificateOptions } from '../../src/demo/provider/certificates.ts'

export interface Upstream extends AsyncDisposable {
  readonly port: number
  /** PEM of the CA that a client must trust; unused by a plain upstream. */
  readonly caCertificate: string
  /** TCP connections accepted so far. */
  readonly connectionCount: number
  readonly openConnectionCount: number
  /** Bytes received on all connections so far, TLS records included. */
  readonly receivedBytes: number
  /** Requests whose head arrived; stays 0 for a raw upstream. */
  readonly requestCount: number
  /** Resets every open connection. */
  resetConnections(): void
}

export interface UpstreamOptions extends Partial<ServerCertificateOptions> {
  /** Plain TCP instead of TLS. */
  readonly isPlain?: boolean
  /** What the TLS handshake offers; another one is refused there. By default nothing is said of it. */
  readonly alpnProtocols?: readonly string[]
}

type SocketHandler = (socket: Socket) => void
type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void

/** Hands over each socket as soon as its TLS handshake is done. Socket errors are swallowed: tests break sockets on purpose. */
export function startRawUpstream(onSocket: SocketHandler, options: UpstreamOptions = {}): Promise<Upstream> {
  return startUpstream(onSocket, () => 0, options)
}

/** Speaks HTTP/1.1; the handler answers each request. */
export function startHttpUpstream(onRequest: RequestHandler, options: UpstreamOptions = {}): Promise<Upstream> {
  let requestCount = 0
  const http = createHttpServer((request, response) => {
    requestCount += 1
    onRequest(request, response)
  })
  return startUpstream(
    (socket) => http.emit('connection', socket),
    () => requestCount,
    options,
  )
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function startUpstream(
  onSocket: SocketHandler,
  requestCount: () => number,
  { isPlain = false, names = ['localhost', '127.0.0.1'], alpnProtocols, ...validity }: UpstreamOptions,
): Promise<Upstream> {
  const { certificate, key, caCertificate } = await createServerCertificate({ names, ...validity })
  const open = new Set<Socket>()
  let connectionCount = 0
  let closedBytes = 0
  const accept: SocketHandler = (socket) => {
    socket.on('error', () => socket.destroy())
    onSocket(socket)
  }
  const server = isPlain
    ? createPlainServer(accept)
    : createTlsServer({ cert: certificate, key, ...(alpnProtocols && { ALPNProtocols: [...alpnProtocols] }) }, accept)
  server.on('connection', (socket: Socket) => {
    connectionCount += 1
    socket.setNoDelay(true)
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      open.delete(socket)
      closedBytes += socket.bytesRead
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: portOf(server),
    caCertificate,
    get connectionCount() {
      return connectionCount
    },
    get openConnectionCount() {
      return open.size
    },
    get receivedBytes() {
      return [...open].reduce((total, { bytesRead }) => total + bytesRead, closedBytes)
    },
    get requestCount() {
      return requestCount()
    },
    resetConnections() {
      for (const socket of open) socket.resetAndDestroy()
    },
    async [Symbol.asyncDispose]() {
      if (!server.listening) return
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}
