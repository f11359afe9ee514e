/**
 * The way from the host to a provider: one pool of keep-alive connections for all bottles, verified TLS only.
 * `node:https`, not fetch: under back-pressure undici took 6 to 18 times the CPU (DESIGN §15).
 */
import { Agent, type RequestOptions } from 'node:https'
import { isIP } from 'node:net'
import { createSecureContext, rootCertificates } from 'node:tls'
import type { AddressGuard } from './address-guard.ts'
import { guardedLookup } from './address-guard.ts'
import { callHttp1 } from './http1-call.ts'
import { proxyLimits } from './limits.ts'
import { type CallHandlers, isStreamed, type UpstreamCall, type UpstreamRequest } from './upstream-call.ts'

export interface UpstreamOptions {
  /** Exceptions of the host's settings: dial this URL for that host. Only these may lead to private addresses. */
  readonly overrides: ReadonlyMap<string, URL>
  /** An extra trust root, PEM. */
  readonly extraCa: string | null
  readonly isAllowed: AddressGuard
}

export interface Upstream extends Disposable {
  /** Does not dial where the pool has a connection. */
  call(request: UpstreamRequest, handlers: CallHandlers): UpstreamCall
  /** For a connection beside the pool: as guarded, and verified in the same way. */
  dialOptions(host: string): RequestOptions
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

  const destination = (host: string): RequestOptions => {
    const override = overrides.get(host)
    if (!override) return { hostname: host, port: 443, servername: host, lookup }
    const hostname = override.hostname.replace(/^\[|\]$/g, '')
    // An override by address stands in for the host itself: its certificate must bear the host's name.
    return { hostname, port: Number(override.port || 443), servername: isIP(hostname) ? host : hostname }
  }

  return {
    call(request, handlers) {
      const agent = isStreamed(request.body) ? fresh : pool
      return callHttp1({ ...destination(request.host), agent }, { request, handlers })
    },
    dialOptions: (host) => ({ ...tls, ...destination(host) }),
    [Symbol.dispose]() {
      pool.destroy()
      fresh.destroy()
    },
  }
}
