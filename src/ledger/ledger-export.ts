/** What `ledger export` writes: one object for each exchange, and for each hour whose exchanges are only known as sums. */
import type { Usage, UsageSource } from '../core/metering/usage.ts'

export interface ExportRange {
  /** By the end of exchanges. */
  readonly sinceMs?: number
  readonly untilMs?: number
}

interface ExportedCharge extends Usage {
  readonly bottleId: string
  readonly agent: string
  readonly provider: string
  readonly model: string | null
  readonly source: UsageSource
  /** 1 for an exchange. */
  readonly exchanges: number
  readonly chargeTokens: number
}

export type ExportedUsage =
  | (ExportedCharge & {
      readonly kind: 'exchange'
      readonly attemptId: string
      readonly ending: string
      readonly startedAtMs: number
      readonly settledAtMs: number
      /** When the charge was corrected, if it was. */
      readonly correctedAtMs?: number
    })
  | (ExportedCharge & { readonly kind: 'hour'; readonly hourMs: number })
