/**
 * Why a route cannot stand in a bottle with these providers, as one sentence; found once the definitions are merged.
 * Safety (I3): an explicit route to the host of a known provider would be an unmetered path to a metered host.
 */
import type { Provider } from '../provider/provider.ts'
import { knownProviders } from '../provider/providers.ts'
import { withEachSignIn } from '../provider/sign-in.ts'
import { hostOwner } from './decide.ts'
import { isWildcard } from './host-pattern.ts'
import type { Route } from './route.ts'

export function routeFault(route: Route, providers: readonly Provider[]): string | undefined {
  const { host, providerTools, webSocket } = route
  const own = hostOwner(providers.flatMap(withEachSignIn), host)?.provider.name
  if (own !== undefined) return ownHostFault(route, own)
  const foreign = hostOwner(knownProviders, host)?.provider.name
  if (foreign !== undefined) {
    return `${host} belongs to the provider ${foreign}, which this bottle does not have, and nothing passes there unmetered; say "agent_provider: ${foreign}" instead`
  }
  if (providerTools === undefined && webSocket === undefined) return undefined
  const why = isWildcard(host) ? 'a wildcard is never about the host of a provider' : `${host} is no provider's`
  return `provider_tools and websocket are for the host of a provider, and ${why}`
}

function ownHostFault({ host, methods, paths, auth }: Route, provider: string): string | undefined {
  const extra = auth ? 'auth' : methods ? 'methods' : paths ? 'paths' : undefined
  if (!extra) return undefined
  return `${host} belongs to the bottle's own provider ${provider}, whose endpoints and credential decide there; take "${extra}" away: a route to it can only say provider_tools and websocket`
}
