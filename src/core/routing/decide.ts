/**
 * What a bottle may reach: the one place that says metered, free or refused. Deny by default.
 */
import type { Provider, ProviderHost } from '../provider/provider.ts'
import { matchesPath } from './path-pattern.ts'

export type Verdict =
  | { readonly kind: 'metered'; readonly provider: Provider; readonly host: ProviderHost }
  | { readonly kind: 'free'; readonly provider: Provider; readonly host: ProviderHost }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly reason: string }

export type RefusalCode = 'host_not_allowed' | 'endpoint_not_allowed'

export interface RequestLine {
  /** Canonical name. */
  readonly host: string
  readonly method: string
  /** Without the query, already held to be plain by `requestPath`. */
  readonly path: string
}

/** `providers`: those of the bottle's definitions. */
export function decide(providers: readonly Provider[], { host, method, path }: RequestLine): Verdict {
  const owner = hostOwner(providers, host)
  if (!owner) {
    return { kind: 'refused', code: 'host_not_allowed', reason: `no route of this bottle allows the host ${host}` }
  }
  const endpoint = owner.host.endpoints.find(
    (candidate) => (candidate.method === method || candidate.method === '*') && matchesPath(candidate.path, path),
  )
  if (!endpoint) {
    return {
      kind: 'refused',
      code: 'endpoint_not_allowed',
      reason: `${method} ${path} is not among the metered or free endpoints of ${host} (provider ${owner.provider.name})`,
    }
  }
  return { kind: endpoint.kind, ...owner }
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
