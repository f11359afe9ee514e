/**
 * The durable record of who used which tokens, and the place where a budget admits or refuses.
 *
 * **Invariant** Counters equal the sum of the events (I6). **Invariant** A resolved promise is durable: the write
 * survives a crash of the process and of the machine (I5, I8). No SQL type leaks through this interface; every
 * implementation passes `ledger.contract.ts`.
 */
import type { BudgetKey, Counter, CounterKey } from '../core/budget/scope.ts'
import type { Usage, UsageSource } from '../core/metering/usage.ts'

export interface ReserveRequest {
  /** Unique for one attempt to reach a provider; the dedupe key of its charge. Best ordered by time (`host/ids.ts`). */
  readonly attemptId: string
  readonly bottleId: string
  readonly agent: string
  readonly provider: string
  readonly model: string | null
  /** What the exchange may cost; charged if nobody sees its end. Tokens. */
  readonly holdTokens: number
  /** Whether it is held on `governing` until settled. Else it is enough that none of them is spent. */
  readonly holdsRoom: boolean
  /** The estimated input alone, kept for the record. Tokens. */
  readonly inputTokens: number
  /**
   * Every one of these must admit the exchange: the budgets that hold. Of `provider`, scopes of `chain`, periods of `nowMs`. May be
   * empty: no budget.
   */
  readonly governing: readonly CounterKey[]
  /** Keys of the scopes that are charged when the reservation is settled, most specific first. */
  readonly chain: readonly string[]
  /** The charge counts in the periods of this moment, however late it is settled. */
  readonly nowMs: number
}

export interface Denial {
  readonly kind: 'denied'
  /** `pending`: the room is only held by others; `exhausted`: it is spent. */
  readonly reason: 'pending' | 'exhausted'
  /** The counter without room, as it stands. */
  readonly counter: Counter
}

export type ReserveOutcome = { readonly kind: 'reserved' } | Denial
/** `gone`: no such open reservation (already settled). */
export type ExtendOutcome = { readonly kind: 'extended' } | Denial | { readonly kind: 'gone' }

export interface SettleRequest {
  readonly attemptId: string
  readonly usage: Usage
  /** What the counters are charged. Applied in full even beyond a limit. Tokens. */
  readonly chargeTokens: number
  readonly source: UsageSource
  /** The model that answered, if known; else the requested one is kept. */
  readonly model: string | null
  /** How the exchange ended, e.g. `complete`, `cut`, `client_gone`, `upstream_reset`. */
  readonly ending: string
  readonly nowMs: number
}

/**
 * `counters`: all counters that were charged, as they stand then; those of the most specific scope first. `corrected`: the
 * attempt had been charged at its hold by `recover`; now it is charged what its end told, in the same periods.
 */
export type SettleOutcome =
  | { readonly kind: 'settled' | 'corrected'; readonly counters: readonly Counter[] }
  | { readonly kind: 'already_settled' }

export interface UsageEvent extends Usage {
  readonly attemptId: string
  readonly bottleId: string
  readonly agent: string
  readonly provider: string
  readonly model: string | null
  readonly chargeTokens: number
  readonly source: UsageSource
  readonly ending: string
  readonly startedAtMs: number
  readonly settledAtMs: number
}

export const usageGroupings = ['bottle', 'agent', 'provider', 'model', 'day', 'hour'] as const
export type UsageGrouping = (typeof usageGroupings)[number]

/** Which usage is added up, and by what. It was used in the hour in which its exchange was settled. */
export interface UsageQuery {
  readonly by: UsageGrouping
  /** A row for each model, too. */
  readonly eachModel?: boolean
  /** A row for each bottle, with its agent, too. */
  readonly eachBottle?: boolean
  /** Rounded down to the hour. */
  readonly sinceMs?: number
  /** Only what was used before; rounded up to the hour. */
  readonly untilMs?: number
  readonly bottleId?: string
  /** Only what was charged at this scope. */
  readonly scope?: string
  /** At most so many rows. */
  readonly limit?: number
}

export interface UsageRow {
  /** The bottle id, agent, provider or model ('' where it is unknown), or in UTC the day (`2026-11-22`) or hour (`2026-11-22T08:00Z`). */
  readonly group: string
  readonly provider: string
  /** Only in a report of each model; '' where it is unknown. */
  readonly model?: string
  /** Only in a report of each bottle, as `agent`. */
  readonly bottle?: string
  readonly agent?: string
  readonly exchanges: number
  readonly inputTokens: number
  readonly cacheWriteTokens: number
  /** The part of `cacheWriteTokens` that is kept for an hour; providers ask more for it. */
  readonly cacheWrite1hTokens: number
  readonly cacheReadTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly chargeTokens: number
  /** The part of `chargeTokens` that rests on estimates (sources `partial` and `estimated`). */
  readonly estimatedTokens: number
}

/** `frozen`: no process of it is left, and it can be resumed. */
export type BottleState = 'starting' | 'running' | 'cut' | 'frozen' | 'exited' | 'killed' | 'failed'

export interface BottleRow {
  readonly id: string
  readonly agent: string
  /** Names of the bottle definitions merged into this bottle, in order. */
  readonly definitions: readonly string[]
  readonly state: BottleState
  readonly policy: CutPolicy
  readonly contained: boolean
  readonly createdAtMs: number
  readonly endedAtMs: number | null
  readonly exitCode: number | null
  /** What the controller needs to find the bottle again after a crash; opaque to the ledger. JSON. */
  readonly reference: string
}

export interface BottleFilter {
  readonly living: boolean
  readonly frozen?: boolean
  readonly limit?: number
}

export type BottleChange = Partial<Pick<BottleRow, 'state' | 'endedAtMs' | 'exitCode' | 'reference'>>

export type CutPolicy = 'cutoff' | 'freeze' | 'kill'
export type EnforcementAction = CutPolicy | 'restore' | 'resume' | 'restart'
/**
 * `recovery`: a controller that found the bottle at its start and could not take it up. `timeout`: the time that it was given is over.
 * `program`: it failed.
 */
export type EnforcementTrigger = 'budget' | 'operator' | 'recovery' | 'timeout' | 'program'

export interface EnforcementIntent {
  readonly enforcementId: string
  readonly bottleId: string
  readonly action: EnforcementAction
  readonly trigger: EnforcementTrigger
  /** One sentence for the operator: which budget, how much used, of how much. */
  readonly reason: string
  readonly nowMs: number
}

export interface EnforcementStep {
  readonly enforcementId: string
  /** Its name. Once in an enforcement: what came of it at first stands. */
  readonly step: string
  readonly detail: string
  readonly nowMs: number
}

export interface EnforcementOutcome {
  readonly enforcementId: string
  readonly outcome: 'done' | 'failed'
  readonly detail: string
  readonly nowMs: number
}

/** What was done without an intent, since it could not wait: processes were ended that used too much of the host. */
export interface LimitNote {
  readonly enforcementId: string
  readonly bottleId: string
  /** One sentence for the operator: of which limit, and who was ended. */
  readonly detail: string
  readonly nowMs: number
}

/**
 * One line of the append-only audit: an intent, a step of an earlier intent that was taken, or its outcome. For `limit` there is
 * only the outcome.
 */
export interface AuditEntry {
  readonly sequence: number
  readonly enforcementId: string
  readonly bottleId: string
  readonly action: EnforcementAction | 'limit'
  readonly trigger: EnforcementTrigger | 'limit'
  readonly phase: 'intent' | 'step' | 'done' | 'failed'
  /** The name of the step; null in other phases. */
  readonly step: string | null
  readonly detail: string
  readonly atMs: number
}

/** An intent without an outcome, and the steps that were taken. */
export interface OpenEnforcement extends AuditEntry {
  readonly action: EnforcementAction
  readonly trigger: EnforcementTrigger
  readonly doneSteps: readonly string[]
}

export interface Limit extends BudgetKey {
  readonly limitTokens: number
}

/** What an operator set for a provider at a scope, in place of what files say there. */
export interface Override extends Limit {
  readonly always: boolean
}

export interface Warning extends CounterKey {
  readonly limitTokens: number
  readonly thresholdPercent: number
  readonly nowMs: number
}

export interface RecoveredCharge {
  readonly attemptId: string
  readonly bottleId: string
  readonly provider: string
  readonly chargeTokens: number
}

export interface CounterMismatch extends CounterKey {
  readonly settledTokens: number
  readonly eventTokens: number
}

/** What was learned of one model; `model: ''` for all models of the provider together. */
export interface EstimatorRow {
  readonly provider: string
  readonly model: string
  /** Opaque to the ledger. JSON. */
  readonly state: string
  readonly updatedAtMs: number
}

export interface Ledger extends AsyncDisposable {
  /** Sets or (with `null`) removes a limit: at once for every period of its kind, past, present and to come. */
  setLimit(budget: BudgetKey, limitTokens: number | null): Promise<void>
  limits(filter?: { readonly scope?: string }): Promise<readonly Limit[]>
  /** Keeps an override, in place of an earlier one for that scope and provider. No limit is set by it. */
  setOverride(override: Override): Promise<void>
  /** False when there was none. */
  removeOverride(key: Pick<Override, 'scope' | 'provider'>): Promise<boolean>
  overrides(filter?: { readonly scope?: string }): Promise<readonly Override[]>
  /** Makes the durable reservation that must exist before anything is dialled; all or none of `governing`. */
  reserve(request: ReserveRequest): Promise<ReserveOutcome>
  /** Replaces the hold of an open reservation by a larger one; all or none. `holdTokens` is the new whole hold. */
  extend(attemptId: string, holdTokens: number): Promise<ExtendOutcome>
  /**
   * Replaces the reservation by its charge, once: a second settle of the same attempt changes nothing. That of a recovered
   * attempt is its correction, also once.
   */
  settle(request: SettleRequest): Promise<SettleOutcome>
  /** Charges, at their holds, the reservations of every owner but this one; returns them. For the start of a controller. */
  recover(nowMs: number): Promise<readonly RecoveredCharge[]>

  /** The counter of any scope, provider and period as it stands, also where nothing was kept for it until now. */
  counter(key: CounterKey): Promise<Counter>
  /** Those that are kept: of all time wherever something was charged, of other periods wherever a budget was asked. */
  counters(filter?: { readonly scope?: string; readonly provider?: string }): Promise<readonly Counter[]>
  /** The newest `limit` events, as they were corrected, oldest of them first. */
  events(filter: { readonly bottleId?: string; readonly limit: number }): Promise<readonly UsageEvent[]>
  /** Sums by group and provider, from hourly rows. Days and hours from the first, those that were used; others by charge. */
  usage(query: UsageQuery): Promise<readonly UsageRow[]>
  /**
   * Compares every counter with the sum of its events (I6). Empty when all agree. `quick` answers within a second whatever the
   * number of events: it may take the word of sums that are kept beside them. Whoever found a mismatch reserves no more (I9).
   */
  verify(depth?: 'full' | 'quick'): Promise<readonly CounterMismatch[]>
  /**
   * Replaces events that were settled before a moment by their sums, at most `maxEvents` of the oldest; returns how many. No
   * counter, no usage and no `verify` changes, and their attempts stay settled. Call it again until it returns 0.
   */
  rollUp(request: { readonly settledBeforeMs: number; readonly maxEvents: number }): Promise<number>

  /** True the first time this threshold of this limit is crossed, false ever after. */
  recordWarning(warning: Warning): Promise<boolean>

  /** Persists the intent before it is performed. `open`: an earlier cut of the bottle has no outcome yet; nothing is written. */
  beginEnforcement(
    intent: EnforcementIntent,
  ): Promise<{ readonly kind: 'begun' } | { readonly kind: 'open'; readonly enforcementId: string }>
  /** Records that a step was taken. Nothing is written when the enforcement has its outcome. */
  recordStep(step: EnforcementStep): Promise<void>
  endEnforcement(outcome: EnforcementOutcome): Promise<void>
  /** Also while an enforcement of the bottle is open. */
  recordLimit(note: LimitNote): Promise<void>
  /** Intents without an outcome, oldest first: what a crash left unfinished. */
  openEnforcements(): Promise<readonly OpenEnforcement[]>
  /** The newest `limit` entries, oldest of them first. */
  audit(filter: { readonly bottleId?: string; readonly limit: number }): Promise<readonly AuditEntry[]>

  insertBottle(row: BottleRow): Promise<void>
  updateBottle(id: string, change: BottleChange): Promise<void>
  bottle(id: string): Promise<BottleRow | undefined>
  /** Newest first. `living`: only starting, running and cut ones; `frozen`: frozen ones as well. */
  bottles(filter: BottleFilter): Promise<readonly BottleRow[]>

  /** Writes rows over those of the same models, then keeps the `maxRows` that learned last. */
  saveEstimators(rows: readonly EstimatorRow[], maxRows: number): Promise<void>
  /** Those that learned last first. */
  estimators(): Promise<readonly EstimatorRow[]>
}
