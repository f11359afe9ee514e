/**
 * What a ledger that many hosts share keeps on each of them, beside the host's own books: the hot path is here, and what it
 * acknowledges is durable here. The shared database only hands out grants and hears sums.
 *
 * A **grant** is a mark, not an amount: of a counter that hosts share, this host may have settled and held up to so many
 * tokens since the beginning of its period. What a host was charged never lowers it, so that it need not be told what was
 * settled to know what may be spent; a host that dies leaves its mark behind, and all below it counts as spent.
 */
import type { BudgetKey, CounterKey } from '../core/budget/scope.ts'
import type { Ledger } from './ledger.ts'

export interface GrantState extends CounterKey {
  readonly limitTokens: number | null
  readonly settledTokens: number
  readonly reservedTokens: number
  /** `null`: never granted anything. */
  readonly grantedTokens: number | null
}

/** Sums of what one bottle was charged in an hour, by model and source: a row that changed since it was told. */
export interface UntoldHour {
  readonly hourMs: number
  readonly bottleId: string
  readonly agent: string
  readonly provider: string
  readonly model: string
  readonly source: string
  readonly chainId: number
  /** Whom it was charged to, and the day (UTC) in whose periods it counts. */
  readonly scopes: readonly string[]
  readonly dayMs: number
  readonly exchanges: number
  readonly inputTokens: number
  readonly cacheWriteTokens: number
  readonly cacheWrite1hTokens: number
  readonly cacheReadTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly chargeTokens: number
  readonly changedMs: number
}

export interface Journal {
  /**
   * Who this host is among those that share the ledger: `newId`, if it was nobody before. What it charged while it shared with
   * nobody is untold.
   */
  identify(newId: string): Promise<string>
  /** The grant of a counter as it stands, and what is used of it. */
  grant(key: CounterKey): Promise<GrantState>
  setGrant(key: CounterKey, grantedTokens: number): Promise<void>
  /**
   * Lowers grants to what is settled and held: of one counter, of all periods of a budget, or all. Returns those that are
   * larger than what is settled, or were lowered.
   */
  lowerGrants(of: CounterKey | BudgetKey | null): Promise<readonly GrantState[]>
  /** What an open reservation holds; `undefined` when it is settled. Tokens. */
  holdOf(attemptId: string): Promise<number | undefined>
  untoldHours(limit: number): Promise<readonly UntoldHour[]>
  /** These were told, as they were read; what changed since then is untold. */
  markTold(hours: readonly UntoldHour[]): Promise<void>
  /** Everything is to be told again. */
  untell(): Promise<void>
}

export type JournalLedger = Ledger & Journal
