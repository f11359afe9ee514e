/**
 * The listeners of one bottle: who came in here is this bottle, whatever the bytes say (I7).
 *
 * Transparent :443 ends TLS with a leaf for the name asked for; transparent :80 and the explicit proxy on :3128 lead to the
 * same front. A handshake without a name is closed: nobody could say what it is for.
 */
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { plainAnswer } from '../core/provider/refusal.ts'
import { canonicalHost, splitAuthority } from '../core/routing/canonical-host.ts'
import type { SandboxListeners } from '../sandbox/sandbox.ts'
import { give } from './answer.ts'
import { createBodyQuota } from './body-quota.ts'
import type { CertificateAuthority } from './certificate-authority.ts'
import type { Egress } from './egress.ts'
import { runExchange } from './exchange.ts'
import { proxyLimits } from './limits.ts'
import { openExchange } from './open-exchange.ts'
import { createOpenExchanges } from './open-exchanges.ts'
import type { Arrival } from './strict-request.ts'

export interface BottleProxyOptions {
  readonly listeners: SandboxListeners
  readonly authority: CertificateAuthority
  readonly egress: Egress
}

export interface BottleProxy extends AsyncDisposable {
  readonly openExchanges: number
  /** Refuses everything from now on and ends what is open. Resolves when nothing flows and all is settled. */
  cut(message: string): Promise<{ readonly endedExchanges: number }>
  /** Lets requests pass again. */
  reopen(): void
}

export function openBottleProxy({ listeners, authority, egress }: BottleProxyOptions): BottleProxy {
  const arrivals = new WeakMap<Socket, Arrival>()
  /** What HTTP is spoken on, by the socket that came in: that socket itself, or the TLS inside it. */
  const surfaces = new Map<Socket, Socket>()
  /** Of those that came in, the ones that a cut ends. */
  const closing = new WeakSet<Socket>()
  /** The last answer on a surface. */
  const answers = new WeakMap<Socket, ServerResponse>()
  const exchanges = createOpenExchanges()
  const bodies = createBodyQuota(proxyLimits.maxBodiesBytes)
  /** For handshakes before their name is known: without a certificate, so that one without a name fails. */
  const nameless = createSecureContext()
  let cutMessage: string | undefined

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    response.sendDate = false
    // Node gives a response its socket when those before it are over. Served at the same time, a request in the pipeline
    // would not learn that its client is gone.
    if (response.socket === null) return give(response, pipelinedAnswer)
    answers.set(request.socket, response)
    const exchange = openExchange(egress.newId())
    if (cutMessage !== undefined) exchange.cut(cutMessage)
    const arrival = arrivals.get(request.socket) ?? { isSecure: false, host: undefined }
    exchanges.add(exchange, runExchange({ request, response, arrival, egress, exchange, bodies }).catch(egress.onBug))
  }
  const front = createFront(answer)
  front.on('connect', (_request: IncomingMessage, socket: Socket) => {
    refuseConnect(socket, { status: 405, reason: 'CONNECT is for the explicit proxy' })
  })
  const explicit = createFront(answer)
  explicit.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const target = connectTarget(request.url ?? '')
    if (target.kind === 'refused') return refuseConnect(socket, target)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.length > 0) socket.unshift(head)
    if (target.isSecure) endTls(socket, target.host)
    else admit(socket, { isSecure: false, host: target.host })
  })

  const track = (socket: Socket) => {
    surfaces.set(socket, socket)
    socket.setNoDelay(true)
    socket.once('close', () => surfaces.delete(socket))
    // A reset by the client is no event for anyone else; what it means for an exchange is seen at its response.
    socket.on('error', () => socket.destroy())
  }
  const admit = (socket: Socket, arrival: Arrival) => {
    arrivals.set(socket, arrival)
    front.emit('connection', socket)
  }
  const endTls = (raw: Socket, expectedHost: string | undefined) => {
    const tls = new TLSSocket(raw, {
      isServer: true,
      secureContext: nameless,
      ALPNProtocols: ['http/1.1'],
      SNICallback: (name, callback) => {
        contextFor(authority, name, expectedHost).then(
          (context) => callback(null, context),
          (error: Error) => callback(error),
        )
      },
    })
    surfaces.set(raw, tls)
    const timer = setTimeout(() => raw.destroy(), proxyLimits.handshakeTimeoutMs)
    tls.once('close', () => clearTimeout(timer))
    tls.on('error', () => raw.destroy())
    tls.once('secure', () => {
      clearTimeout(timer)
      const asked = canonicalHost(typeof tls.servername === 'string' ? tls.servername : '')
      if (asked.kind === 'name') admit(tls, { isSecure: true, host: asked.name })
      else tls.destroy()
    })
  }
  const closeConnections = () => {
    for (const [socket, surface] of surfaces) {
      if (closing.has(socket)) continue
      closing.add(socket)
      const lastAnswer = answers.get(surface)
      if (!lastAnswer || lastAnswer.closed) surface.destroySoon()
      else lastAnswer.once('close', () => surface.destroySoon())
      const timer = setTimeout(() => socket.destroy(), proxyLimits.cutFlushMs)
      socket.once('close', () => clearTimeout(timer))
    }
  }

  accept(listeners.proxy, (socket) => {
    track(socket)
    explicit.emit('connection', socket)
  })
  accept(listeners.http, (socket) => {
    track(socket)
    admit(socket, { isSecure: false, host: undefined })
  })
  accept(listeners.tls, (socket) => {
    track(socket)
    endTls(socket, undefined)
  })

  return {
    get openExchanges() {
      return exchanges.size
    },
    async cut(message) {
      cutMessage ??= message
      const ending = exchanges.entries()
      for (const { exchange } of ending) exchange.cut(message)
      closeConnections()
      await Promise.all(ending.map(({ ended }) => ended))
      return { endedExchanges: ending.length }
    },
    reopen() {
      cutMessage = undefined
    },
    async [Symbol.asyncDispose]() {
      const listening = [listeners.proxy, listeners.http, listeners.tls].filter((server) => server !== undefined)
      const closed = listening.map((server) => new Promise((resolve) => server.close(resolve)))
      await this.cut('bot-bottle: this bottle has ended')
      for (const socket of surfaces.keys()) socket.destroy()
      front.close()
      explicit.close()
      await Promise.all(closed)
    },
  }
}

const pipelinedAnswer = plainAnswer(400, 'pipelined', 'bot-bottle: the request before this one is not answered yet')

function createFront(answer: (request: IncomingMessage, response: ServerResponse) => void): HttpServer {
  const server = createServer({
    maxHeaderSize: proxyLimits.maxHeadBytes,
    headersTimeout: proxyLimits.headTimeoutMs,
    requestTimeout: proxyLimits.requestTimeoutMs,
    connectionsCheckingInterval: proxyLimits.timeoutCheckMs,
    keepAliveTimeout: proxyLimits.keepAliveTimeoutMs,
    noDelay: true,
  })
  // A server that is given its connections starts no watch over them of its own: without this event there are no
  // timeouts.
  server.emit('listening')
  server.on('request', answer)
  return server
}

/** A context for a name that is one; a name other than the tunnel was opened for is refused in the handshake. */
async function contextFor(
  authority: CertificateAuthority,
  servername: string,
  expectedHost: string | undefined,
): Promise<SecureContext> {
  const host = canonicalHost(servername)
  if (host.kind !== 'name') throw new Error('the name that TLS asks for is not a host name')
  if (expectedHost !== undefined && host.name !== expectedHost)
    throw new Error('TLS asks for another name than CONNECT')
  return authority.contextFor(host.name)
}

type ConnectTarget =
  | { readonly kind: 'target'; readonly host: string; readonly isSecure: boolean }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

/** `host:port`, the port being required (RFC 9110 §9.3.6). Whether the host is allowed is answered inside, where it can be read. */
function connectTarget(authority: string): ConnectTarget {
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

function refuseConnect(socket: Socket, { status, reason }: { readonly status: number; readonly reason: string }): void {
  const body = `bot-bottle: ${reason}\n`
  const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\nconnection: close`
  socket.write(`${head}\r\n\r\n${body}`)
  socket.destroySoon()
}

function accept(server: Server | undefined, onConnection: (socket: Socket) => void): void {
  if (!server) return
  server.maxConnections = proxyLimits.maxConnections
  server.on('connection', onConnection)
}
