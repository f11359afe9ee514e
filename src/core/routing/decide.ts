/**
 * What a bottle may reach: the one place that says metered, free or refused. Deny by default.
 */
import type { WireFormatName } from '../metering/format.ts'
import type { Endpoint, Provider, ProviderHost } from '../provider/provider.ts'
import { matchesPath } from './path-pattern.ts'

export type Verdict = Allowed | { readonly kind: 'refused'; readonly code: RefusalCode; readonly reason: string }

interface Allowed {
  readonly kind: 'metered' | 'free'
  readonly provider: Provider
  readonly host: ProviderHost
  /** What it is metered by, and what a refusal is told in. */
  readonly format: WireFormatName
}

export type RefusalCode = 'host_not_allowed' | 'endpoint_not_allowed'

export interface RequestLine {
  /** Canonical name. */
  readonly host: string
  readonly method: string
  /** Without the query, already held to be plain by `requestPath`. */
  readonly path: string
}

/** `providers`: those of the bottle's definitions. */
export function decide(providers: readonly Provider[], line: RequestLine): Verdict {
  const { host, method, path } = line
  const owner = hostOwner(providers, host)
  if (!owner) {
    return { kind: 'refused', code: 'host_not_allowed', reason: `no route of this bottle allows the host ${host}` }
  }
  const endpoint = endpointOf(owner.host, line)
  if (!endpoint) {
    return {
      kind: 'refused',
      code: 'endpoint_not_allowed',
      reason: `${method} ${path} is not among the metered or free endpoints of ${host} (provider ${owner.provider.name})`,
    }
  }
  return { kind: endpoint.kind, ...owner, format: formatOf(owner.host, line) }
}

/** The wire format of an endpoint; of what is not metered that of the host's first that is. */
export function formatOf(host: ProviderHost, line: Omit<RequestLine, 'host'>): WireFormatName {
  const endpoint = endpointOf(host, line)
  const metered = endpoint?.kind === 'metered' ? endpoint : host.endpoints.find((one) => one.kind === 'metered')
  if (!metered) throw new Error(`${host.host} has no metered endpoint`)
  return metered.format
}

function endpointOf(host: ProviderHost, { method, path }: Omit<RequestLine, 'host'>): Endpoint | undefined {
  return host.endpoints.find(
    (candidate) => (candidate.method === method || candidate.method === '*') && matchesPath(candidate.path, path),
  )
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
