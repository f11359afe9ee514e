/**
 * The way from the host to a provider: one pool of keep-alive connections for all bottles, verified TLS only. HTTP/2 is
 * spoken to hosts that speak nothing else.
 * `node:https`, not fetch: under back-pressure undici took 6 to 18 times the CPU (DESIGN §15).
 */
import { Agent, type AgentOptions, type RequestOptions } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import type { AddressGuard } from './address-guard.ts'
import { guardedLookup } from './address-guard.ts'
import { callHttp1 } from './http1-call.ts'
import { callHttp2, callHttp2WhenOpen } from './http2-call.ts'
import { createHttp2Sessions, isProtocolRefused } from './http2-sessions.ts'
import { proxyLimits } from './limits.ts'
import { type CallHandlers, isStreamed, type UpstreamCall, type UpstreamRequest } from './upstream-call.ts'
import { createUpstreamProxy, type UpstreamProxy, type UpstreamProxyOptions } from './upstream-proxy.ts'

export interface UpstreamOptions {
  /** Exceptions of the host's settings: dial this URL for that host. Only these may lead to private addresses. */
  readonly overrides: ReadonlyMap<string, URL>
  /** An extra trust root, PEM. */
  readonly extraCa: string | null
  /** A company's proxy on the way. */
  readonly proxy?: UpstreamProxyOptions | undefined
  readonly isAllowed: AddressGuard
}

interface Destination {
  readonly hostname: string
  readonly port: number
  /** What the certificate must be for. */
  readonly servername: string
  readonly lookup?: LookupFunction
}

export interface DialOptions extends Destination {
  readonly rejectUnauthorized: boolean
  readonly ALPNProtocols: string[]
  readonly secureContext: SecureContext
}

export interface Upstream extends Disposable {
  /** Does not dial where the pool has a connection. */
  call(request: UpstreamRequest, handlers: CallHandlers): UpstreamCall
  /** For a connection beside the pool: as guarded, and verified in the same way. */
  dialOptions(host: string): DialOptions & Pick<RequestOptions, 'createConnection'>
}

export function createUpstream({ overrides, extraCa, proxy: proxyOptions, isAllowed }: UpstreamOptions): Upstream {
  const tls = {
    // Safety: no variable in the environment may turn verification off.
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    secureContext: createSecureContext({
      ca: extraCa === null ? [...rootCertificates] : [...rootCertificates, extraCa],
    }),
  }
  const proxy = proxyOptions && createUpstreamProxy(proxyOptions, { isAllowed, secureContext: tls.secureContext })
  const createAgent = (options: AgentOptions) => {
    const agent = new Agent({ ...options, ...tls })
    if (!proxy) return agent
    const dial = agent.createConnection.bind(agent)
    agent.createConnection = (options, onOpen) => {
      const to = options as DialOptions // as `call` gave it, with what the agent adds
      return onOpen && proxy.isFor(to.hostname) ? connectThrough(proxy, to, onOpen) : dial(options, onOpen)
    }
    return agent
  }
  const pool = createAgent({
    keepAlive: true,
    scheduling: 'lifo',
    maxFreeSockets: proxyLimits.maxIdleUpstreamSockets,
    timeout: proxyLimits.upstreamKeepAliveMs,
  })
  /** For what cannot be sent again when a pooled connection turns out to be closed. */
  const fresh = createAgent({ keepAlive: false })
  const lookup = guardedLookup(isAllowed)

  const destination = (host: string): Destination => {
    const override = overrides.get(host)
    if (!override) return { hostname: host, port: 443, servername: host, lookup }
    const hostname = override.hostname.replace(/^\[|\]$/g, '')
    // An override by address stands in for the host itself: its certificate must bear the host's name.
    return { hostname, port: Number(override.port || 443), servername: isIP(hostname) ? host : hostname }
  }

  const dialOptions = (host: string): DialOptions => ({ ...tls, ...destination(host) })
  const http2 = createHttp2Sessions({
    openSocket(host) {
      const options = { ...dialOptions(host), ALPNProtocols: ['h2'] }
      if (proxy?.isFor(options.hostname)) return proxy.connect(options)
      const { hostname, ...to } = options
      return connectTls({ ...to, host: hostname })
    },
  })

  return {
    call(request, handlers) {
      const { host, body } = request
      if (http2.isKnown(host)) {
        const session = http2.sessionTo(host)
        const call = { request, handlers }
        return session instanceof Promise ? callHttp2WhenOpen(session, call) : callHttp2(session, call)
      }
      const agent = isStreamed(body) ? fresh : pool
      return callHttp1(
        { ...destination(host), agent },
        {
          request,
          handlers: {
            ...handlers,
            onFailed: ({ error, isUnprocessed }) => {
              const isRefused = isProtocolRefused(error)
              if (isRefused) http2.learn(host)
              // Nothing was sent but a handshake.
              handlers.onFailed({ error, isUnprocessed: isUnprocessed || isRefused })
            },
          },
        },
      )
    },
    dialOptions(host) {
      const options = dialOptions(host)
      if (!proxy?.isFor(options.hostname)) return options
      return { ...options, createConnection: (_, onOpen) => connectThrough(proxy, options, onOpen) }
    },
    [Symbol.dispose]() {
      proxy?.[Symbol.dispose]()
      http2[Symbol.dispose]()
      pool.destroy()
      fresh.destroy()
    },
  }
}

type OnOpen = Parameters<NonNullable<RequestOptions['createConnection']>>[1]

function connectThrough(proxy: UpstreamProxy, options: DialOptions, onOpen: OnOpen): undefined {
  // Node's types ask for a socket beside an error, too.
  const tell = onOpen as (error: Error | null, socket?: Duplex) => void
  proxy.connect(options).then((socket) => tell(null, socket), tell)
}
