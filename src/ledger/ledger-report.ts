/** What is found out about a ledger's file, and what is done to it, while no controller needs to run. */
import type { CounterMismatch } from './ledger.ts'

export type LedgerProblem =
  /** The file is broken; one line of SQLite's own check. */
  | { readonly kind: 'damage'; readonly found: string }
  /** A counter is not the sum of its events (I6). */
  | ({ readonly kind: 'counter' } & CounterMismatch)
  /** The hours that reports read say something else than the events, for a bottle's day. */
  | {
      readonly kind: 'hours'
      readonly scope: string
      readonly provider: string
      readonly dayMs: number
      readonly hourTokens: number
      readonly eventTokens: number
    }
  /** A counter is held for more or less than the open reservations hold. */
  | {
      readonly kind: 'hold'
      readonly scope: string
      readonly provider: string
      readonly period: string
      readonly reservedTokens: number
      readonly heldTokens: number
    }
  /** Rows that refer to others which are not there. */
  | { readonly kind: 'foreign'; readonly table: string; readonly parent: string; readonly rows: number }

/** A number is `null` where the file is too broken to count. */
export interface LedgerReport {
  readonly path: string
  readonly schema: number | null
  readonly sizeBytes: number | null
  readonly events: number | null
  readonly corrections: number | null
  /** Exchanges whose events were replaced by sums. */
  readonly rolledUpExchanges: number | null
  readonly openHolds: number | null
  readonly heldTokens: number | null
  /** Owners of open holds: more than one, or one while no controller runs, means that the next start will charge them. */
  readonly holders: number | null
  /** Empty for a sound ledger. */
  readonly problems: readonly LedgerProblem[]
}

export type RebuildReport =
  /** The file was sound; sums were made anew from its events. `mended`: what was wrong before. */
  | {
      readonly kind: 'rebuilt'
      readonly path: string
      readonly events: number
      readonly mended: readonly LedgerProblem[]
    }
  /** The file was damaged: a new one holds what could be read. */
  | ({ readonly kind: 'salvaged'; readonly path: string; readonly keptAs: string } & Salvaged)

export interface Salvaged {
  readonly savedEvents: number
  /** Gaps in the numbering of events. */
  readonly lostEvents: number
  /** Of the lost ones, those whose charges are still in the sums of their hours: no counter misses them. */
  readonly lostEventsInSums: number
  /** Tables of which some rows could not be read. */
  readonly incompleteTables: readonly string[]
}
