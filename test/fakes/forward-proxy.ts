/** A company's forward proxy on loopback: CONNECT only. It leads every name to the port that a test says. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createServerCertificate } from '../../src/demo/provider/certificates.ts'

export interface ForwardProxyOptions {
  /** The port on loopback that stands for what was asked for; without one the answer is 502. */
  readonly leadTo: (authority: string) => number | undefined
  /** TLS to the proxy itself. */
  readonly isSecure?: boolean
  /** USER:PASSWORD that it asks for. */
  readonly credential?: string
  /** In place of what a proxy does. */
  readonly onConnect?: (client: Socket) => void
}

export interface ForwardProxy extends AsyncDisposable {
  readonly url: URL
  /** PEM; unused without TLS. */
  readonly caCertificate: string
  /** What was asked for, oldest first. */
  readonly asked: readonly string[]
  readonly heads: readonly (readonly string[])[]
  readonly openConnections: number
  /** What passed from clients to servers and back. */
  readonly passedText: () => string
}

export async function startForwardProxy(options: ForwardProxyOptions): Promise<ForwardProxy> {
  const { certificate, key, caCertificate } = await createServerCertificate({ names: ['localhost'] })
  const server: Server = options.isSecure ? createSecureServer({ cert: certificate, key }) : createServer()
  const sockets = new Set<Socket>()
  const asked: string[] = []
  const heads: string[][] = []
  const passed: Buffer[] = []
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket))
  }
  server.on('connection', keep)
  server.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '')
    heads.push(request.rawHeaders)
    client.on('error', () => client.destroy()).once('end', () => client.end())
    if (options.onConnect) return options.onConnect(client.resume())
    const expected = options.credential && `Basic ${Buffer.from(options.credential).toString('base64')}`
    if (expected !== undefined && request.headers['proxy-authorization'] !== expected) {
      return client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="corp"\r\n\r\n')
    }
    const port = options.leadTo(request.url ?? '')
    if (port === undefined) return client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const far = connect(port, '127.0.0.1', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'))
    keep(far)
    client.on('data', (bytes: Buffer) => passed.push(bytes))
    far.on('data', (bytes: Buffer) => passed.push(bytes))
    client.pipe(far).pipe(client)
    client.once('close', () => far.destroySoon())
    far.once('close', () => client.destroySoon())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`${options.isSecure ? 'https://localhost' : 'http://127.0.0.1'}:${port}`),
    caCertificate,
    asked,
    heads,
    get openConnections() {
      return sockets.size
    },
    passedText: () => Buffer.concat(passed).toString('latin1'),
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
