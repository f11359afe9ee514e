/**
 * The way from the host to a provider: one pool of keep-alive connections for all bottles, verified TLS only. HTTP/2 is
 * spoken to hosts that speak nothing else.
 * `node:https`, not fetch: under back-pressure undici took 6 to 18 times the CPU (DESIGN §15).
 */
import { Agent } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import type { AddressGuard } from './address-guard.ts'
import { guardedLookup } from './address-guard.ts'
import { callHttp1 } from './http1-call.ts'
import { callHttp2 } from './http2-call.ts'
import { createHttp2Sessions, isProtocolRefused } from './http2-sessions.ts'
import { proxyLimits } from './limits.ts'
import { type CallHandlers, isStreamed, type UpstreamCall, type UpstreamRequest } from './upstream-call.ts'

export interface UpstreamOptions {
  /** Exceptions of the host's settings: dial this URL for that host. Only these may lead to private addresses. */
  readonly overrides: ReadonlyMap<string, URL>
  /** An extra trust root, PEM. */
  readonly extraCa: string | null
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
  dialOptions(host: string): DialOptions
}

export function createUpstream({ overrides, extraCa, isAllowed }: UpstreamOptions): Upstream {
  const tls = {
    // Safety: no variable in the environment may turn verification off.
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    secureContext: createSecureContext({
      ca: extraCa === null ? [...rootCertificates] : [...rootCertificates, extraCa],
    }),
  }
  const pool = new Agent({
    keepAlive: true,
    scheduling: 'lifo',
    maxFreeSockets: proxyLimits.maxIdleUpstreamSockets,
    timeout: proxyLimits.upstreamKeepAliveMs,
    ...tls,
  })
  /** For what cannot be sent again when a pooled connection turns out to be closed. */
  const fresh = new Agent({ keepAlive: false, ...tls })
  const lookup = guardedLookup(isAllowed)

  const destination = (host: string): Destination => {
    const override = overrides.get(host)
    if (!override) return { hostname: host, port: 443, servername: host, lookup }
    const hostname = override.hostname.replace(/^\[|\]$/g, '')
    // An override by address stands in for the host itself: its certificate must bear the host's name.
    return { hostname, port: Number(override.port || 443), servername: isIP(hostname) ? host : hostname }
  }

  const dialOptions = (host: string): DialOptions => ({ ...tls, ...destination(host) })
  const http2 = createHttp2Sessions({ dialOptions })

  return {
    call(request, handlers) {
      const { host, body } = request
      if (http2.isKnown(host)) return callHttp2(http2.sessionTo(host), { request, handlers })
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
    dialOptions,
    [Symbol.dispose]() {
      http2[Symbol.dispose]()
      pool.destroy()
      fresh.destroy()
    },
  }
}
