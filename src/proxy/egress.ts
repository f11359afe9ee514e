/** What the proxy of one bottle may know and ask: given by the controller, the same for every exchange of that bottle. */
import type { Gate } from '../core/budget/gate.ts'
import type { Counter } from '../core/budget/scope.ts'
import type { Weights } from '../core/budget/weights.ts'
import type { Preflight } from '../core/manifest/settings.ts'
import type { BottleEstimator } from '../core/metering/estimator/token-estimator.ts'
import type { Usage } from '../core/metering/usage.ts'
import type { Provider } from '../core/provider/provider.ts'
import type { EgressPolicy } from '../core/routing/decide.ts'
import type { RouteAuth } from '../core/routing/route.ts'
import type { Ledger, ReserveRequest, SettleOutcome, UsageEvent } from '../ledger/ledger.ts'
import type { HttpVersion } from './client-messages.ts'
import type { RoomBell } from './room-bell.ts'
import type { Upstream } from './upstream.ts'

/** Whose budgets must have room for an exchange, and whom it is charged to. */
export type BudgetsOfExchange = Pick<ReserveRequest, 'governing' | 'chain'>

/** Whose credential the proxy presents. */
export type CredentialOwner =
  | { readonly kind: 'provider'; readonly provider: Provider }
  | { readonly kind: 'route'; readonly auth: RouteAuth }

export interface Egress extends EgressPolicy {
  readonly bottleId: string
  readonly agent: string
  readonly ledger: Ledger
  readonly upstream: Upstream
  readonly bell: RoomBell
  readonly gate: Gate
  readonly weights: Weights
  readonly estimator: BottleEstimator
  /** Whether the provider is asked what a request counts when a budget is tight. */
  readonly preflight: Preflight
  readonly nowMs: () => number
  readonly newId: () => string
  /** The real credential. Throws or rejects with BottleError `credential_missing`; no promise where nothing is waited for. */
  credentialOf(owner: CredentialOwner): string | Promise<string>
  budgetsOf(provider: Provider, nowMs: number): BudgetsOfExchange
  /** Of a budget, at which its users are warned. */
  readonly thresholdsPercent: readonly number[]
  readonly on: EgressEvents
  /** A bug on a path that nobody waits for; what it was about is refused or charged. */
  onBug(error: unknown): void
}

/** Told at once and never waited for. */
export interface EgressEvents {
  started(exchange: ExchangeStart): void
  /** At most ten a second and exchange. */
  progress(progress: ExchangeProgress): void
  settled(settlement: Settlement): void
  denied(denial: Denied): void
  /** A request that was not refused has ended. Absent where nobody wants to know. */
  passed?(request: PassedRequest): void
  /** A budget has no room for what was asked: the policy fires. `message` is what the client is told. */
  spent(spent: { readonly counter: Counter; readonly message: string }): void
}

interface TellableRequest {
  readonly method: string
  readonly host: string
  /** Without the query. */
  readonly path: string
}

export interface Denied extends TellableRequest {
  readonly status: number
  readonly code: string
  readonly reason: string
}

export interface PassedRequest extends TellableRequest {
  /** That the client spoke. */
  readonly httpVersion: HttpVersion
  readonly verdict: 'metered' | 'free' | 'routed' | 'learned' | 'own'
  /** What the client was answered with; null where it got no answer. */
  readonly status: number | null
  /** As the client announced it; null where it did not. */
  readonly requestBytes: number | null
  /** Of the body that came from the upstream. */
  readonly answerBytes: number
  readonly tookMs: number
}

export interface ExchangeStart {
  readonly attemptId: string
  readonly provider: string
  readonly model: string | null
  /** What is held of its budgets. */
  readonly holdTokens: number
}

export interface ExchangeProgress {
  readonly attemptId: string
  readonly provider: string
  /** What it would be charged if it ended now. */
  readonly observedTokens: number
  /** What is held of its budgets. */
  readonly heldTokens: number
}

export interface Settlement
  extends Pick<UsageEvent, 'attemptId' | 'provider' | 'model' | 'chargeTokens' | 'source' | 'ending' | 'startedAtMs'> {
  readonly usage: Usage
  readonly outcome: SettleOutcome
}
