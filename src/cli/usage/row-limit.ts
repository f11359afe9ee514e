/** How many rows of usage are shown: those with the largest charge. Times are never left out. */
import type { UsageReport } from '../../controller/api.ts'
import { BottleError } from '../../core/errors.ts'

/** Of a table. */
export const defaultRows = 50

export interface RowLimitOptions {
  readonly by: UsageReport['by']
  readonly csv?: boolean
  readonly json?: boolean
  readonly limit?: number
}

/** `undefined` for all. Throws `usage` where a limit makes no sense. */
export function rowLimit({ by, csv, json, limit }: RowLimitOptions): number | undefined {
  const isOfTimes = by === 'day' || by === 'hour'
  if (isOfTimes && limit !== undefined) {
    throw new BottleError('usage', `--limit is of no use with --by ${by}, whose rows are in the order of time`, {
      hint: 'Choose the times with --since and --until.',
    })
  }
  return limit ?? (isOfTimes || csv || json ? undefined : defaultRows)
}

/** What is said below a table from which rows were left out, though nobody asked for that. */
export function leftOutNotice({ limit }: RowLimitOptions, rows: number): string | undefined {
  if (limit !== undefined || rows <= defaultRows) return undefined
  return `only the ${defaultRows} largest are shown; ask for more with --limit N, for all with --csv or --json`
}
