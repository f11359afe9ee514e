/**
 * Whether a request may pass, and by what: the one answer that the proxy acts on and `routes test` tells. What depends on the
 * moment (a cut, a budget, an address, a credential) is not in it.
 */
import { providerHostRules } from './choose-route.ts'
import {
  decide,
  type EgressPolicy,
  hostOwner,
  type OwnVerdict,
  type ProviderVerdict,
  type RequestLine,
  type RoutedVerdict,
} from './decide.ts'

export interface JudgedRequest extends RequestLine {
  /** It came in TLS. */
  readonly isSecure: boolean
  /** It wants another protocol on its connection, be it WebSocket or not. */
  readonly asksForUpgrade: boolean
}

export type Judgement =
  | OwnVerdict
  | ProviderVerdict
  | RoutedVerdict
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly reason: string }

export function judge(policy: EgressPolicy, request: JudgedRequest): Judgement {
  const verdict = decide(policy, request)
  if (verdict.kind === 'own') return verdict
  const isOfRoute = verdict.kind === 'routed' || hostOwner(policy.providers, request.host) !== undefined
  if (request.asksForUpgrade && isOfRoute && !isMeteredSocket(policy, request, verdict)) {
    // It would not be metered; 426 makes clients fall back to plain HTTP at once (RFC 9110 §15.5.22).
    return refusal(426, 'upgrade_not_metered', 'only plain HTTP/1.1 requests pass here')
  }
  if (verdict.kind === 'refused') return refusal(verdict.code === 'odd_path' ? 400 : 403, verdict.code, verdict.reason)
  // Safety: no credential and no spending where anyone on the way can read or change it.
  if (!request.isSecure) return refusal(403, 'plain_http', `${request.host} may only be reached with https`)
  return verdict
}

function isMeteredSocket(
  { routes }: EgressPolicy,
  { isWebSocket, host }: JudgedRequest,
  verdict: ReturnType<typeof decide>,
): boolean {
  const isListed = verdict.kind === 'metered' && verdict.endpoint !== undefined
  return isListed && isWebSocket === true && providerHostRules(routes, host).webSocket
}

function refusal(status: number, code: string, reason: string): Judgement {
  return { kind: 'refused', status, code, reason }
}
