/** From what a bottle asked for while it learned to routes that would allow just that. */
import { stringify } from 'yaml'
import type { RequestLine } from '../routing/decide.ts'
import { pathPatternFault } from '../routing/path-pattern.ts'
import { requestPath } from '../routing/request-path.ts'
import type { Route } from '../routing/route.ts'

/** More different ones are told by the folders that they lie in, and these by none. */
const maxPathsOfRoute = 8

/** One route for each host, in alphabetical order. */
export function learnedRoutes(requests: readonly Pick<RequestLine, 'host' | 'method' | 'path'>[]): readonly Route[] {
  const hosts = [...new Set(requests.map(({ host }) => host))].toSorted()
  return hosts.map((host) => {
    const own = requests.filter((request) => request.host === host)
    const methods = [...new Set(own.map(({ method }) => method))].toSorted()
    const paths = patternsOf([...new Set(own.map(({ path }) => path))].toSorted())
    return { host, methods, ...(paths && { paths }) }
  })
}

/** `undefined`: only a route that looks at no path would do. */
function patternsOf(paths: readonly string[]): readonly string[] | undefined {
  if (!paths.every(canBePattern)) return undefined
  if (paths.length <= maxPathsOfRoute) return paths
  const folders = [...new Set(paths.map(topFolder))]
  return folders.length <= maxPathsOfRoute ? folders : undefined
}

function canBePattern(path: string): boolean {
  const read = requestPath(path)
  return read.kind === 'path' && read.oddity === undefined && pathPatternFault(path) === undefined
}

/** `/a/b/c` lies in `/a/**`, as `/a/` does; `/a` stands for itself. */
function topFolder(path: string): string {
  const end = path.indexOf('/', 1)
  return end === -1 ? path : `${path.slice(0, end)}/**`
}

/** The lines for a bottle definition. */
export function routesAsYaml(routes: readonly Route[]): string {
  return stringify({ egress: { routes } }, { aliasDuplicateObjects: false, lineWidth: 0 })
}
