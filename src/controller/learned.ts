/** What a bottle asked for beyond its routes while it learned, from its egress log, as routes that would allow it. */
import { learnedRoutes } from '../core/manifest/learned-routes.ts'
import type { Route } from '../core/routing/route.ts'
import { linesOf } from './egress-log-lines.ts'

/** Different requests; what comes beyond is not told. */
const maxRequests = 10_000

export async function readLearned(logsPath: string, bottleId: string): Promise<readonly Route[]> {
  const requests = new Map<string, { readonly host: string; readonly method: string; readonly path: string }>()
  for await (const { host, method, path, status } of linesOf(logsPath, { bottleId, verdict: 'learned' })) {
    // Nobody was reached, be it for an address that is not dialled or a name that does not exist: no route would help.
    if (status === 502) continue
    requests.set(`${method} ${host} ${path}`, { host, method, path })
    if (requests.size >= maxRequests) break
  }
  return learnedRoutes([...requests.values()])
}
