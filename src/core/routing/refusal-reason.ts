/** What a refused bottle, and whoever reads its log, is told: what is not allowed, and what would allow it. */
import { allowsPath } from './choose-route.ts'
import type { RequestLine } from './decide.ts'
import type { Route } from './route.ts'

const maxShownPath = 200
const maxShownChoices = 8

export function unlistedReason({ host, method, path }: RequestLine, provider: string): string {
  return `${method} ${shown(path)} is not among the metered or free endpoints of ${host} (provider ${provider}); "unlisted_endpoints: estimate" under egress would let it pass, charged by its bytes`
}

export function neverReason({ host, method, path }: RequestLine): string {
  return `${method} ${shown(path)} of ${host} is about credentials, which are for the host of this bottle alone`
}

export function foreignHostReason(host: string, provider: string): string {
  return `${host} belongs to the provider ${provider}, which this bottle does not have, and no route opens it; "agent_provider: ${provider}" in its definition would`
}

export function otherSignInReason(host: string, provider: string): string {
  return `${host} is where ${provider} is reached with another sign-in than this bottle's; "sign_in" in its agent_provider says which it has`
}

/** `considered`: the routes to that host, none of which allows the request. */
export function noRouteReason(line: RequestLine, considered: readonly Route[]): string {
  const { host, method, path } = line
  const [first] = considered
  if (!first) return `no route of this bottle allows the host ${host}; ${wouldAllow(`- host: ${host}`)}`
  const ofPath = considered.filter((route) => allowsPath(route, line))
  const [what, allowed] =
    ofPath.length === 0
      ? [`the path ${shown(path)}`, considered.flatMap(({ paths = [] }) => paths)]
      : [`${method} ${shown(path)}`, ofPath.flatMap(({ methods = [] }) => methods)]
  const missing = `- {host: "${first.host}", methods: [${method}], paths: [${JSON.stringify(patternOf(path))}]}`
  return `the route to ${first.host} does not allow ${what}, only ${listed(allowed)}; ${wouldAllow(missing)}`
}

function wouldAllow(line: string): string {
  return `this line under egress.routes would: ${line}`
}

function listed(words: readonly string[]): string {
  const different = [...new Set(words)]
  const more = different.length > maxShownChoices ? ' and others' : ''
  return `${different.slice(0, maxShownChoices).join(', ')}${more}`
}

function shown(path: string): string {
  return path.length <= maxShownPath ? path : `${path.slice(0, maxShownPath)}\u2026`
}

/** The path itself, or of a long one all that lies where it does. */
function patternOf(path: string): string {
  if (path.length <= maxShownPath) return path
  return `${path.slice(0, path.lastIndexOf('/', maxShownPath))}/**`
}
