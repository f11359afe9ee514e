/**
 * The way through a company's HTTP proxy: CONNECT, and within it TLS with the provider, verified as on the direct way. The
 * proxy sees names, never what passes.
 * Safety (SSRF): the name is resolved where the proxy stands. What this host's own DNS says of it is checked all the same, and
 * nothing is sent to a server without a certificate for the name (docs/decisions/0044).
 */
import { request as requestInTheClear } from 'node:http'
import { request } from 'node:https'
import { BlockList, isIP, isIPv6, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import { messageOf } from '../core/errors.ts'
import { credentialFields } from '../core/routing/credential.ts'
import type { DirectRule } from '../core/routing/direct-rule.ts'
import { type AddressGuard, forbiddenAddress, resolveByDns } from './address-guard.ts'
import { proxyLimits } from './limits.ts'
import type { DialOptions } from './upstream.ts'

export interface UpstreamProxyOptions {
  /** `http:` or `https:`, a host and a port. */
  readonly url: URL
  /** USER:PASSWORD; asked for with each tunnel. */
  readonly credential?: () => string | Promise<string>
  readonly direct: readonly DirectRule[]
  /** What this host's own DNS says of a name; nothing where it does not know it. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>
}

export interface UpstreamProxy extends Disposable {
  isFor(hostname: string): boolean
  /** Resolves once TLS with the provider is there. Rejects with an error that says on which part of the way it failed. */
  connect(options: DialOptions): Promise<TLSSocket>
}

export interface TunnelRules {
  readonly isAllowed: AddressGuard
  readonly secureContext: SecureContext
}

export const upstreamProxyErrorCode = 'ERR_UPSTREAM_PROXY'

export function createUpstreamProxy(
  { url, credential, direct, resolve = resolveByDns }: UpstreamProxyOptions,
  { isAllowed, secureContext }: TunnelRules,
): UpstreamProxy {
  const isDirect = directMatcher(direct)
  const closed = new AbortController()
  return {
    isFor: (hostname) => !isDirect(hostname),
    async connect(options) {
      const { hostname, port, lookup } = options
      // What an override names is an exception of the host's settings.
      const refusal = lookup && forbiddenAddress(hostname, await resolve(hostname), isAllowed)
      if (refusal) throw refusal
      const authority = `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`
      const secret = await credential?.()
      const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(proxyLimits.tunnelMs)])
      const tunnel = await openTunnel({ url, authority, secret, secureContext, signal })
      return endTls(tunnel, options, signal)
    },
    [Symbol.dispose]: () => closed.abort(),
  }
}

interface Tunnel {
  readonly url: URL
  readonly authority: string
  readonly secret: string | undefined
  readonly secureContext: SecureContext
  readonly signal: AbortSignal
}

function openTunnel({ url, authority, secret, secureContext, signal }: Tunnel): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const isSecure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const [basic] = secret === undefined ? [] : credentialFields({ kind: 'basic' }, secret)
  const authorization = basic?.[1]
  const options = {
    host,
    port: Number(url.port || (isSecure ? 443 : 80)),
    method: 'CONNECT',
    path: authority,
    headers: [
      'host',
      authority,
      'connection',
      'keep-alive',
      ...(authorization === undefined ? [] : ['proxy-authorization', authorization]),
    ],
    setHost: false,
    agent: false,
    maxHeaderSize: proxyLimits.maxTunnelHeadBytes,
  } as const
  const tls = {
    rejectUnauthorized: true,
    secureContext,
    servername: isIP(host) ? '' : host,
    ALPNProtocols: ['http/1.1'],
  }
  const asked = isSecure ? request({ ...options, ...tls }) : requestInTheClear(options)
  const onAbort = () => asked.destroy(new Error('it did not answer in time'))
  signal.addEventListener('abort', onAbort)
  asked.once('close', () => signal.removeEventListener('abort', onAbort))
  asked.on('error', (error) => reject(proxyError(`cannot be reached: ${messageOf(error)}`, error)))
  asked.once('response', (response) => response.destroy())
  asked.once('connect', ({ statusCode = 0, statusMessage = '' }, socket: Socket, early: Buffer) => {
    const refusal = refusalOf({ statusCode, statusMessage, hasSecret: secret !== undefined, early })
    if (refusal === undefined) return resolve(socket)
    socket.destroy()
    reject(proxyError(refusal))
  })
  asked.end()
  return promise
}

interface ConnectAnswer {
  readonly statusCode: number
  readonly statusMessage: string
  readonly hasSecret: boolean
  readonly early: Buffer
}

function refusalOf({ statusCode, statusMessage, hasSecret, early }: ConnectAnswer): string | undefined {
  if (statusCode === 407) return hasSecret ? 'refused its credential (407)' : 'asks for a credential (407)'
  if (statusCode < 200 || statusCode > 299) return `refused the connection: ${statusCode} ${statusMessage}`.trimEnd()
  // Safety: TLS begins with our own bytes; what is there before them is no server's.
  return early.length > 0 ? 'sent bytes of its own into the connection' : undefined
}

/** Verified as `options` say. */
function endTls(tunnel: Socket, options: DialOptions, signal: AbortSignal): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const { servername, rejectUnauthorized, ALPNProtocols, secureContext } = options
  const tls = connectTls({ socket: tunnel, servername, rejectUnauthorized, ALPNProtocols, secureContext })
  const onAbort = () => tls.destroy(new Error('TLS through the upstream proxy took too long'))
  signal.addEventListener('abort', onAbort)
  tls.once('close', () => reject(new Error('it closed the connection before TLS was there')))
  tls.once('error', reject)
  tls.once('secureConnect', () => {
    signal.removeEventListener('abort', onAbort)
    tls.off('error', reject)
    resolve(tls)
  })
  return promise
}

/** What is on this host itself is never asked of another. */
function directMatcher(rules: readonly DirectRule[]): (hostname: string) => boolean {
  const names = new Set(['localhost'])
  const suffixes: string[] = []
  const ranges = new BlockList()
  ranges.addSubnet('127.0.0.0', 8, 'ipv4')
  ranges.addAddress('::1', 'ipv6')
  for (const rule of rules) {
    if (rule.kind === 'name') names.add(rule.name)
    else if (rule.kind === 'suffix') suffixes.push(rule.suffix)
    else ranges.addSubnet(rule.address, rule.prefixBits, rule.family)
  }
  return (hostname) => {
    if (isIP(hostname) !== 0) return ranges.check(hostname, isIPv6(hostname) ? 'ipv6' : 'ipv4')
    return names.has(hostname) || suffixes.some((suffix) => hostname === suffix || hostname.endsWith(`.${suffix}`))
  }
}

function proxyError(what: string, cause?: Error): Error {
  return Object.assign(new Error(`the upstream proxy ${what}`, { cause }), { code: upstreamProxyErrorCode })
}
