/**
 * Which of a bottle's routes a request takes. The most specific host decides alone: an exact name before wildcards, a longer
 * suffix before a shorter one. Among routes to the same host the first whose method and path match is taken. What a more
 * specific host does not allow, a wildcard does not either.
 */
import type { RequestLine } from './decide.ts'
import { matchesHost } from './host-pattern.ts'
import { matchesPath } from './path-pattern.ts'
import type { Route } from './route.ts'

export interface RouteChoice {
  readonly route: Route | undefined
  /** All with the most specific host, whether or not method and path match; empty where no host does. */
  readonly considered: readonly Route[]
}

export function chooseRoute(routes: readonly Route[], line: RequestLine): RouteChoice {
  const about = routes.filter(({ host }) => matchesHost(host, line.host))
  // Of two wildcards that match one name, the one with the longer suffix is longer.
  const best = about.find(({ host }) => host === line.host) ?? longest(about)
  const considered = about.filter(({ host }) => host === best?.host)
  return { route: considered.find((route) => allowsMethod(route, line) && allowsPath(route, line)), considered }
}

export function allowsMethod({ methods }: Route, { method }: RequestLine): boolean {
  return methods?.includes(method) ?? true
}

export function allowsPath({ paths }: Route, { path, oddity }: RequestLine): boolean {
  return paths === undefined || (oddity === undefined && paths.some((pattern) => matchesPath(pattern, path)))
}

/** What the routes to a provider's own host say together: the tools of all, and no WebSocket once one denies it. */
export function providerHostRules(
  routes: readonly Route[],
  host: string,
): { readonly providerTools: readonly string[]; readonly webSocket: boolean } {
  const own = routes.filter((route) => route.host === host)
  return {
    providerTools: [...new Set(own.flatMap(({ providerTools = [] }) => providerTools))],
    webSocket: own.every(({ webSocket }) => webSocket !== false),
  }
}

function longest(routes: readonly Route[]): Route | undefined {
  return routes.reduce<Route | undefined>((best, route) => {
    return best && best.host.length >= route.host.length ? best : route
  }, undefined)
}
