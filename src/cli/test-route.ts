/** What the proxy would do with one request, and by what: `routes test`. Decided by the proxy's own code. */
import { builtInOrigin, type Origin, placeOf } from '../core/manifest/definition.ts'
import { egressPolicy, type WrittenEgress, withAllSignIns } from '../core/manifest/written-egress.ts'
import { type Judgement, judge } from '../core/routing/judge.ts'
import { ownHost } from '../core/routing/own-host.ts'
import { methodFault, type RefusedRequest, strictRequest } from '../core/routing/strict-request.ts'
import { providerCredential, routeCredential } from './credential-words.ts'
import { anyOther } from './route-rows.ts'

export interface RouteTest {
  readonly verdict: Judgement['kind']
  /** Of the answer that a refused request gets; null for what passes. */
  readonly status: number | null
  readonly code: string | null
  /** Of a refusal: what is not allowed, and what would allow it. */
  readonly reason: string | null
  readonly provider: string | null
  /** The endpoint or route that lets it pass, as `METHODS HOST PATHS`. */
  readonly rule: string | null
  readonly credential: string | null
  /** Where that is written. */
  readonly from: string | null
}

export interface TestedRequest {
  readonly method: string
  /** `https`, `http`, `wss`, `ws`. */
  readonly scheme: string
  readonly authority: string
  /** Path and query. */
  readonly target: string
}

export function testRoute(written: WrittenEgress, { method, scheme, authority, target }: TestedRequest): RouteTest {
  const egress = withAllSignIns(written)
  const isSecure = scheme === 'https' || scheme === 'wss'
  const isSocket = scheme === 'ws' || scheme === 'wss'
  const arrival = { isSecure, host: undefined }
  const line = methodFault(method) ?? strictRequest({ method, authority, target, bodyBytes: 0 }, arrival)
  if (line.kind === 'refused') return refused({ ...line, code: 'bad_request' })
  const asked = { ...line, isSecure, isWebSocket: isSocket, asksForUpgrade: isSocket }
  const verdict = judge(egressPolicy(egress), asked)
  switch (verdict.kind) {
    case 'refused':
      return refused(verdict)
    case 'own':
      return passed({ verdict: 'own', provider: null, rule: `GET,HEAD ${ownHost} **`, credential: null }, builtInOrigin)
    case 'routed': {
      const origin = egress.routes.find(({ value }) => value === verdict.route)?.origin
      const { host, methods = ['*'], paths = ['**'] } = verdict.route
      const rule = `${methods.join(',')} ${host} ${paths.join(' ')}`
      return passed({ verdict: 'routed', provider: null, rule, credential: routeCredential(verdict.route) }, origin)
    }
    default: {
      const { kind, provider, host, endpoint = anyOther } = verdict
      const origin = egress.providers.find(({ value }) => value === provider)?.origin
      const rule = `${endpoint.method} ${host.host} ${endpoint.path}`
      const credential = providerCredential(provider)
      return passed({ verdict: kind, provider: provider.name, rule, credential }, origin)
    }
  }
}

function refused({ status, code, reason }: RefusedRequest & { readonly code: string }): RouteTest {
  return { verdict: 'refused', status, code, reason, provider: null, rule: null, credential: null, from: null }
}

function passed(
  rule: Pick<RouteTest, 'verdict' | 'provider' | 'rule' | 'credential'>,
  origin: Origin | undefined,
): RouteTest {
  return { ...rule, status: null, code: null, reason: null, from: origin ? placeOf(origin) : null }
}
