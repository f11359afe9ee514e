/** What reached an upstream, held against what was decided: not one request more, and none that the rules refuse. */
import { expect } from 'vitest'
import { builtInProviders } from '../../src/core/provider/providers.ts'
import { judge } from '../../src/core/routing/judge.ts'
import { requestPath } from '../../src/core/routing/request-path.ts'
import type { Route } from '../../src/core/routing/route.ts'
import type { SeenRequest } from './metered-upstream.ts'
import type { ProxyRig } from './proxy-rig.ts'

/** Once every exchange is over. Nothing may have been sent again on a fresh connection. */
export function expectDecided(
  seen: readonly SeenRequest[],
  { rig, routes }: { readonly rig: Pick<ProxyRig, 'passed'>; readonly routes: readonly Route[] },
): void {
  const passed = new Map<string, number>()
  for (const { method, host, path } of rig.passed) {
    const line = `${method} ${host} ${path}`
    passed.set(line, (passed.get(line) ?? 0) + 1)
  }
  for (const { line, rawHeaders } of seen) {
    const [method = '', target = ''] = line.split(' ')
    const hosts = rawHeaders.filter((_, index) => rawHeaders[index - 1]?.toLowerCase() === 'host' && index % 2 === 1)
    const split = requestPath(target)
    if (split.kind === 'refused' || hosts.length !== 1) throw new Error(`an odd request got through: ${line}`)
    const [host = ''] = hosts
    const { path, oddity } = split
    const policy = { providers: builtInProviders, routes, unlistedEndpoints: 'refuse' } as const
    const asked = { host, method, path, oddity, isSecure: true, isWebSocket: false, asksForUpgrade: false }
    expect(judge(policy, asked).kind, line).not.toBe('refused')
    const decided = `${method} ${host} ${path}`
    const left = passed.get(decided) ?? 0
    expect(left, `${decided} was decided on as often as it was sent`).toBeGreaterThan(0)
    passed.set(decided, left - 1)
  }
}
