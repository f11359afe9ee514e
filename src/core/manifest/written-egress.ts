/** What a bottle may reach, each part with the place that says so. Secrets are named by their source. */
import type { Provider } from '../provider/provider.ts'
import { atEachHost } from '../provider/sign-in.ts'
import type { EgressPolicy } from '../routing/decide.ts'
import type { Route } from '../routing/route.ts'
import type { EffectiveBottle, Sourced } from './definition.ts'

export interface WrittenEgress {
  readonly providers: readonly Sourced<Provider>[]
  readonly routes: readonly Sourced<Route>[]
  readonly unlistedEndpoints: EgressPolicy['unlistedEndpoints']
}

export function writtenEgress({ providers, egress }: EffectiveBottle): WrittenEgress {
  return { providers, routes: egress.routes, unlistedEndpoints: egress.unlistedEndpoints?.value ?? 'refuse' }
}

/** What it may become, whichever way to sign in is taken. */
export function withAllSignIns({ providers, ...egress }: WrittenEgress): WrittenEgress {
  return {
    ...egress,
    providers: providers.flatMap(({ value, origin }) => atEachHost(value).map((at) => ({ value: at, origin }))),
  }
}

/** As the proxy decides by it. */
export function egressPolicy({ providers, routes, unlistedEndpoints }: WrittenEgress): EgressPolicy {
  return {
    providers: providers.map(({ value }) => value),
    routes: routes.map(({ value }) => value),
    unlistedEndpoints,
  }
}
