/** What a bottle may reach, as rows. */
import { placeOf, type Sourced } from '../core/manifest/definition.ts'
import { type WrittenEgress, withAllSignIns } from '../core/manifest/written-egress.ts'
import type { PassingEndpoint, Provider } from '../core/provider/provider.ts'
import { providerHostRules } from '../core/routing/choose-route.ts'
import type { Route } from '../core/routing/route.ts'
import { providerCredential, routeCredential } from './credential-words.ts'

export interface RouteRow {
  readonly host: string
  /** `*` for any. */
  readonly methods: readonly string[]
  /** Patterns; `**` for any. */
  readonly paths: readonly string[]
  readonly treatment: 'metered' | 'free' | 'routed'
  /** null for a plain route. */
  readonly provider: string | null
  /** What the proxy adds, by its source: `bearer from env:GITHUB_TOKEN`. null for nothing. */
  readonly credential: string | null
  /** Tools that the provider runs and that may be asked for. */
  readonly providerTools: readonly string[]
  /** Only by an upgrade to WebSocket. */
  readonly webSocket: boolean
  /** `FILE:LINE`, or `built-in`. */
  readonly from: string
}

/** Providers' endpoints first, in the order in which they are looked at. */
export function routeRows(egress: WrittenEgress): readonly RouteRow[] {
  const { providers, routes, unlistedEndpoints } = withAllSignIns(egress)
  const plain = routes.map(({ value }) => value)
  const isOfProvider = ({ host }: Route) =>
    providers.some(({ value }) => value.hosts.some((candidate) => candidate.host === host))
  return [
    ...providers.flatMap((provider) =>
      provider.value.hosts.flatMap(({ host, endpoints }) => {
        const rules = providerHostRules(plain, host)
        const passing = endpoints.filter((endpoint) => endpoint.kind !== 'refused')
        const shown = passing.filter((endpoint) => rules.webSocket || !isWebSocket(endpoint))
        const of = { host, providerTools: rules.providerTools, provider }
        return [
          ...shown.map((endpoint) => endpointRow(endpoint, of)),
          ...(unlistedEndpoints === 'estimate' ? [endpointRow(anyOther, of)] : []),
        ]
      }),
    ),
    ...routes.filter(({ value }) => !isOfProvider(value)).map(plainRow),
  ]
}

/** With `unlisted_endpoints: estimate`. */
export const anyOther = { kind: 'metered', method: '*', path: '**' } as const

function endpointRow(
  endpoint: PassingEndpoint | typeof anyOther,
  {
    host,
    providerTools,
    provider,
  }: { readonly host: string; readonly providerTools: readonly string[]; readonly provider: Sourced<Provider> },
): RouteRow {
  return {
    host,
    methods: [endpoint.method],
    paths: [endpoint.path],
    treatment: endpoint.kind,
    provider: provider.value.name,
    credential: providerCredential(provider.value),
    providerTools: endpoint.kind === 'metered' ? providerTools : [],
    webSocket: isWebSocket(endpoint),
    from: placeOf(provider.origin),
  }
}

function plainRow({ value, origin }: Sourced<Route>): RouteRow {
  return {
    host: value.host,
    methods: value.methods ?? ['*'],
    paths: value.paths ?? ['**'],
    treatment: 'routed',
    provider: null,
    credential: routeCredential(value),
    providerTools: [],
    webSocket: false,
    from: placeOf(origin),
  }
}

function isWebSocket(endpoint: PassingEndpoint | typeof anyOther): boolean {
  return 'transport' in endpoint && endpoint.transport === 'websocket'
}
