/** What bottles were refused, summed from their egress logs. */
import type { DenialRow } from './api.ts'
import { linesOf, loggedBottles } from './egress-log-lines.ts'

export interface DenialFilter {
  readonly bottleId?: string
  /** Rows; those that came last are kept. */
  readonly limit: number
}

/** Different rows of one bottle; a program that tries more places than that is told of by those that it tried last. */
const maxRowsOfBottle = 2_000

/** Those that came last, newest last. */
export async function readDenials(logsPath: string, { bottleId, limit }: DenialFilter): Promise<readonly DenialRow[]> {
  const ids = (await loggedBottles(logsPath)).filter((id) => bottleId === undefined || id === bottleId)
  const rows: DenialRow[] = []
  for (const id of ids) rows.push(...(await denialsOf(logsPath, id)))
  return rows.toSorted((one, other) => one.lastAtMs - other.lastAtMs).slice(-limit)
}

async function denialsOf(logsPath: string, bottleId: string): Promise<readonly DenialRow[]> {
  const rows = new Map<string, DenialRow>()
  for await (const { atMs, verdict: _, ...denied } of linesOf(logsPath, { bottleId, verdict: 'refused' })) {
    const key = JSON.stringify([denied.method, denied.host, denied.path, denied.code])
    const { firstAtMs, count } = rows.get(key) ?? { firstAtMs: atMs, count: 0 }
    // Behind all others: the first of the map is the one that was not seen for longest.
    rows.delete(key)
    rows.set(key, { bottleId, ...denied, count: count + 1, firstAtMs, lastAtMs: atMs })
    const [oldest] = rows.keys()
    if (rows.size > maxRowsOfBottle && oldest !== undefined) rows.delete(oldest)
  }
  return [...rows.values()]
}
