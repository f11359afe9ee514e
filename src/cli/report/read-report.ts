/** Asks the controller for all that a report shows. Usage is asked for in pieces, so that no answer holds the controller up. */
import type { BudgetList, DenialList, UsageReport } from '../../controller/api.ts'
import type { ControllerClient } from '../../controller/client.ts'
import { dayMs, startOfHourMs } from '../../core/calendar.ts'
import { type Enforcement, enforcementsOf } from './enforcements.ts'
import { type TimeBins, timeBins } from './time-bins.ts'

type UsageRow = UsageReport['rows'][number]
export type BinnedUsage = UsageRow & { readonly bin: number }

export interface ReportSpan {
  /** `undefined`: from the first that was used. */
  readonly sinceMs: number | undefined
  /** `undefined`: until now. */
  readonly untilMs: number | undefined
}

export interface Report {
  readonly span: ReportSpan
  readonly madeAtMs: number
  readonly version: string
  readonly bins: TimeBins
  /** Of each time step, provider, model and bottle. */
  readonly usage: readonly BinnedUsage[]
  /** As they stand now. */
  readonly budgets: BudgetList
  /** Oldest first, of the time of the report. */
  readonly enforcements: readonly Enforcement[]
  readonly denials: DenialList
  /** A list was asked for to its limit, so what is older may be missing. */
  readonly isAuditCut: boolean
  readonly areDenialsCut: boolean
}

type Reads = Pick<ControllerClient, 'status' | 'usage' | 'budgets' | 'audit' | 'denials'>

const maxAuditEntries = 5_000
const maxDenials = 500
const pieceMs = 31 * dayMs

export async function readReport(client: Reads, span: ReportSpan, nowMs: number): Promise<Report> {
  const [{ version }, days, budgets, audit, denials] = await Promise.all([
    client.status(),
    client.usage({ by: 'day', ...within(span.sinceMs, span.untilMs) }),
    client.budgets(),
    client.audit({ limit: maxAuditEntries }),
    client.denials({ limit: maxDenials }),
  ])
  const [firstMs, lastMs] = [days.rows[0], days.rows.at(-1)].map((row) => row && Date.parse(row.group))
  const startMs = startOfHourMs(span.sinceMs ?? firstMs ?? nowMs)
  // What a clock that went back has written lies beyond now.
  const endMs = Math.max(span.untilMs ?? nowMs, span.untilMs === undefined && lastMs !== undefined ? lastMs + dayMs : 0)
  const bins = timeBins(startMs, Math.max(endMs, startMs + 1))
  const usage: BinnedUsage[] = []
  if (firstMs !== undefined && lastMs !== undefined) {
    const by = bins.step === 'hour' ? 'hour' : 'day'
    const usedUntilMs = Math.min(lastMs + dayMs, span.untilMs ?? Number.POSITIVE_INFINITY)
    for (let fromMs = Math.max(startMs, firstMs); fromMs < usedUntilMs; fromMs += pieceMs) {
      const untilMs = Math.min(fromMs + pieceMs, usedUntilMs)
      const { rows } = await client.usage({ by, eachModel: true, eachBottle: true, ...within(fromMs, untilMs) })
      usage.push(...rows.map((row) => ({ ...row, bin: bins.indexOf(Date.parse(row.group)) })))
    }
  }
  const isWithin = (fromMs: number, toMs: number) =>
    toMs >= (span.sinceMs ?? 0) && fromMs < (span.untilMs ?? Number.POSITIVE_INFINITY)
  return {
    ...{ span, version, bins, usage, budgets },
    madeAtMs: nowMs,
    enforcements: enforcementsOf(audit).filter(({ atMs }) => isWithin(atMs, atMs)),
    denials: denials.filter(({ firstAtMs, lastAtMs }) => isWithin(firstAtMs, lastAtMs)),
    isAuditCut: audit.length === maxAuditEntries,
    areDenialsCut: denials.length === maxDenials,
  }
}

function within(sinceMs: number | undefined, untilMs: number | undefined) {
  return { ...(sinceMs !== undefined && { sinceMs }), ...(untilMs !== undefined && { untilMs }) }
}
