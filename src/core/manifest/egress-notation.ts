/** `egress`: what a bottle may reach besides its provider, with which credential, and what is logged. */
import { hostPatternFault } from '../routing/host-pattern.ts'
import type { AuthScheme, Route, RouteAuth } from '../routing/route.ts'
import { key, list, mapping, oneOrMany, requiredKey } from './collection-notations.ts'
import type { EgressLog, EgressRules } from './definition.ts'
import { authSchemes, headerName, method, parameterName, pathPattern, secret } from './http-notations.ts'
import { converted, sourced, wrong } from './notation.ts'
import { oneOf, text, truth, wholeNumber } from './scalar-notations.ts'

const maxRoutes = 500
const maxRouteItems = 100

const hostPattern = text({
  expected: 'a host such as api.example.com or *.example.com',
  fault: hostPatternFault,
})

export const authKeys = {
  scheme: requiredKey(
    'How the proxy presents the credential. basic: the secret is USER:PASSWORD. header: in the header that `header` names. query: in the parameter that `parameter` names.',
    authSchemes,
  ),
  header: key('For the scheme header: its name.', headerName),
  parameter: key('For the scheme query: its name.', parameterName),
  secret: requiredKey(
    'Where the host keeps the credential: env:NAME, file:PATH, keyring:SERVICE or command:….',
    secret,
  ),
}

const auth = converted(mapping(authKeys), {
  from({ scheme, header, parameter, secret: place }, node, reading): RouteAuth | undefined {
    const fault = nameFault(scheme, { header, parameter })
    if (fault !== undefined) return wrong(node, reading, fault)
    return { scheme: schemeOf(scheme, header ?? parameter), secret: place }
  },
  to: ({ scheme, secret: place }: RouteAuth) => ({
    scheme: scheme.kind,
    ...(scheme.kind === 'header' && { header: scheme.name }),
    ...(scheme.kind === 'query' && { parameter: scheme.name }),
    secret: place,
  }),
})

/** The scheme that each name belongs to. */
const namedSchemes = { header: 'header', parameter: 'query' } as const

function nameFault(
  scheme: AuthScheme['kind'],
  names: Readonly<Record<keyof typeof namedSchemes, string | undefined>>,
): string | undefined {
  for (const name of ['header', 'parameter'] as const) {
    const owner = namedSchemes[name]
    if (scheme === owner && names[name] === undefined) {
      return `the scheme ${scheme} needs a ${name}; name it: ${name}: NAME`
    }
    if (scheme !== owner && names[name] !== undefined) {
      return `the scheme ${scheme} has a ${name}; remove "${name}", or write "scheme: ${owner}"`
    }
  }
  return undefined
}

function schemeOf(kind: AuthScheme['kind'], name = ''): AuthScheme {
  return kind === 'header' || kind === 'query' ? { kind, name } : { kind }
}

const tool = text({
  expected: 'the name of a tool such as web_search',
  fault: (written) => (/^[A-Za-z0-9_.:-]{1,100}$/.test(written) ? undefined : 'is no name of a tool'),
})

export const routeKeys = {
  host: requiredKey('One name, or *.SUFFIX for every name below it.', hostPattern),
  methods: key('Default: every method.', oneOrMany(method, { of: 'methods', minItems: 1, maxItems: maxRouteItems })),
  paths: key(
    'Patterns: * stands for one or more characters of a segment, ** at the end for any rest. Default: every path.',
    oneOrMany(pathPattern, { of: 'paths', minItems: 1, maxItems: maxRouteItems }),
  ),
  auth: key('The credential that the proxy adds. The bottle never sees it.', auth),
  provider_tools: key(
    "For the host of the bottle's provider: tools that the provider runs and that requests may ask for. Default: none.",
    oneOrMany(tool, { of: 'tools', maxItems: maxRouteItems }),
  ),
  websocket: key(
    "For the host of the bottle's provider: false answers WebSocket upgrades with 426. Default: true.",
    truth,
  ),
}

const route = converted(mapping(routeKeys), {
  from: ({ host, methods, paths, auth: credential, provider_tools, websocket }): Route => ({
    host,
    ...(methods && { methods }),
    ...(paths && { paths }),
    ...(credential && { auth: credential }),
    ...(provider_tools && { providerTools: provider_tools }),
    ...(websocket !== undefined && { webSocket: websocket }),
  }),
  to: ({ host, methods, paths, auth: credential, providerTools, webSocket }: Route) => ({
    host,
    ...(methods && { methods }),
    ...(paths && { paths }),
    ...(credential && { auth: credential }),
    ...(providerTools && { provider_tools: providerTools }),
    ...(webSocket !== undefined && { websocket: webSocket }),
  }),
})

const log = converted(wholeNumber({ minimum: 0, maximum: 2 }), {
  from: (level) => level as EgressLog, // within the bounds
  to: (level) => level,
})

export const egressKeys = {
  log: key(
    '0: nothing is logged. 1: refused requests. 2: every request, without bodies and credentials.',
    sourced(log),
  ),
  routes: key(
    'Everything that is not listed is refused. The hosts of the provider need no route.',
    list(sourced(route), { of: 'routes', maxItems: maxRoutes }),
  ),
  unlisted_endpoints: key(
    "What becomes of a request to the provider's host at an endpoint that is in no table: refuse (default), or estimate: it passes and is charged by its bytes.",
    sourced(oneOf(['refuse', 'estimate'])),
  ),
}

export const egress = converted(mapping(egressKeys), {
  from: ({ log: level, routes = [], unlisted_endpoints }): EgressRules => ({
    ...(level && { log: level }),
    routes,
    ...(unlisted_endpoints && { unlistedEndpoints: unlisted_endpoints }),
  }),
  to: ({ log: level, routes, unlistedEndpoints }) => ({
    ...(level && { log: level }),
    ...(routes.length > 0 && { routes }),
    ...(unlistedEndpoints && { unlisted_endpoints: unlistedEndpoints }),
  }),
})
