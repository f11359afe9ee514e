/**
 * What a bottle may reach: the one place that says metered, free, routed, its own or refused. Deny by default.
 * **Invariant** (I3) On the host of a provider only that provider's endpoints pass, whatever the routes say: a host of the
 * bottle's own provider never becomes a plain route, and one of another known provider is refused.
 */
import type { WireFormatName } from '../metering/format.ts'
import type { Endpoint, PassingEndpoint, Provider, ProviderHost } from '../provider/provider.ts'
import { knownProviders } from '../provider/providers.ts'
import { chooseRoute } from './choose-route.ts'
import { ownHost } from './own-host.ts'
import { matchesPath } from './path-pattern.ts'
import { foreignHostReason, neverReason, noRouteReason, otherSignInReason, unlistedReason } from './refusal-reason.ts'
import type { Route } from './route.ts'

export type Verdict = OwnVerdict | ProviderVerdict | RoutedVerdict | RefusedVerdict

/** About the bottle itself: answered by the proxy. */
export interface OwnVerdict {
  readonly kind: 'own'
}

export interface ProviderVerdict {
  readonly kind: 'metered' | 'free'
  readonly provider: Provider
  readonly host: ProviderHost
  /** What it is metered by, and what a refusal is told in. */
  readonly format: WireFormatName
  /** Absent where no table says what it speaks: it is charged by its bytes. */
  readonly endpoint?: PassingEndpoint
}

/** Passes as it is, unmetered. */
export interface RoutedVerdict {
  readonly kind: 'routed'
  readonly route: Route
  /** No route of the bottle allows it; it passes since the bottle learns. */
  readonly isLearned?: true
}

export interface RefusedVerdict {
  readonly kind: 'refused'
  readonly code: 'host_not_allowed' | 'endpoint_not_allowed' | 'route_not_allowed' | 'odd_path'
  /** What is not allowed, and what would allow it. */
  readonly reason: string
}

export interface EgressPolicy {
  /** Those of the bottle's definitions. */
  readonly providers: readonly Provider[]
  readonly routes: readonly Route[]
  /** An endpoint of a metered host that is in no table: refused, or charged by its bytes. */
  readonly unlistedEndpoints: 'refuse' | 'estimate'
  /** What no route allows passes as well, without a credential, but on the hosts of providers. */
  readonly learns?: boolean
}

export interface RequestLine {
  /** Canonical name. */
  readonly host: string
  readonly method: string
  /** Without the query, as `requestPath` gives it. */
  readonly path: string
  /** Why no rule about paths holds for it: only a route without `paths` lets it pass. */
  readonly oddity?: string | undefined
  /** Asks for a WebSocket. */
  readonly isWebSocket?: boolean
}

export function decide({ providers, routes, unlistedEndpoints, learns }: EgressPolicy, line: RequestLine): Verdict {
  if (line.host === ownHost) return { kind: 'own' }
  const owner = hostOwner(providers, line.host)
  if (owner && line.oddity !== undefined) return oddPath(line.oddity)
  if (owner) {
    const endpoint = endpointOf(owner.host, line)
    if (endpoint?.kind === 'refused') return endpointRefused(neverReason(line))
    const format = formatOfEndpoint(owner.host, endpoint)
    if (endpoint) return { kind: endpoint.kind, ...owner, format, endpoint }
    if (unlistedEndpoints === 'estimate') return { kind: 'metered', ...owner, format }
    return endpointRefused(unlistedReason(line, owner.provider.name))
  }
  const foreign = hostOwner(knownProviders, line.host)
  if (foreign) {
    const { name } = foreign.provider
    const isOwn = providers.some((provider) => provider.name === name)
    const reason = isOwn ? otherSignInReason(line.host, name) : foreignHostReason(line.host, name)
    return { kind: 'refused', code: 'host_not_allowed', reason }
  }
  const { route, considered } = chooseRoute(routes, line)
  if (route) return { kind: 'routed', route }
  if (learns) return { kind: 'routed', route: { host: line.host }, isLearned: true }
  if (considered.length > 0 && line.oddity !== undefined) {
    return oddPath(`${line.oddity}; only a route to ${considered[0]?.host} without paths would let it pass`)
  }
  const code = considered.length === 0 ? 'host_not_allowed' : 'route_not_allowed'
  return { kind: 'refused', code, reason: noRouteReason(line, considered) }
}

function endpointRefused(reason: string): RefusedVerdict {
  return { kind: 'refused', code: 'endpoint_not_allowed', reason }
}

function oddPath(why: string): RefusedVerdict {
  return { kind: 'refused', code: 'odd_path', reason: `the path cannot be decided on: ${why}` }
}

/** The wire format of an endpoint; of what is not metered that of the host's first that is. */
export function formatOf(host: ProviderHost, line: Omit<RequestLine, 'host'>): WireFormatName {
  return formatOfEndpoint(host, endpointOf(host, line))
}

function formatOfEndpoint(host: ProviderHost, endpoint: Endpoint | undefined): WireFormatName {
  const metered = endpoint?.kind === 'metered' ? endpoint : host.endpoints.find((one) => one.kind === 'metered')
  if (!metered) throw new Error(`${host.host} has no metered endpoint`)
  return metered.format
}

function endpointOf(
  host: ProviderHost,
  { method, path, isWebSocket }: Omit<RequestLine, 'host'>,
): Endpoint | undefined {
  return host.endpoints.find(
    (candidate) =>
      (candidate.method === method || candidate.method === '*') &&
      matchesPath(candidate.path, path) &&
      speaksWebSocket(candidate) === (isWebSocket ?? false),
  )
}

function speaksWebSocket(endpoint: Endpoint): boolean {
  return endpoint.kind === 'metered' && endpoint.transport === 'websocket'
}

/** The provider that a host belongs to, if the bottle has it. */
export function hostOwner(
  providers: readonly Provider[],
  name: string,
): { readonly provider: Provider; readonly host: ProviderHost } | undefined {
  for (const provider of providers) {
    const host = provider.hosts.find((candidate) => candidate.host === name)
    if (host) return { provider, host }
  }
  return undefined
}
