/**
 * What the charges of each chain add up to, read from the record (events, and the sums of those that are no more) or from the
 * hours, which hold the same and are a thousandth as many. Tokens; beyond 2^53 not exact.
 */
import type { DatabaseSync } from 'node:sqlite'
import { eventSlices } from './event-slices.ts'

/** By the id of the chain. */
export type ChainSums = ReadonlyMap<number, number>

/** Events that are added up by one statement: what SQLite sorts in memory, and how long others wait. */
const sliceEvents = 50_000
/** Up to so many events are read in some tens of milliseconds. */
const maxQuickEvents = 50_000

interface SumRow {
  readonly chainId: number
  readonly tokens: number
}

export type ChainSumStatements = ReturnType<typeof chainSumStatements>

export function chainSumStatements(db: DatabaseSync) {
  /** With the + SQLite reads the table in its order and sorts, which takes less than half of the way over the index. */
  const prepareSums = (from: string) =>
    db.prepare(`SELECT chain_id AS chainId, total(charge_tokens) AS tokens FROM ${from} GROUP BY +chain_id`)
  const ofHours = prepareSums('usage_hour')
  const ofRolled = prepareSums('rolled_usage')
  const ofSlice = prepareSums('charged_event WHERE sequence >= ?1 AND sequence < ?2')
  const bounds = db.prepare('SELECT min(sequence) AS first, max(sequence) AS last FROM usage_event')

  const ofEvents = (): ChainSums => {
    const sums = new Map<number, number>()
    const add = (rows: readonly SumRow[]) => {
      for (const { chainId, tokens } of rows) sums.set(chainId, (sums.get(chainId) ?? 0) + tokens)
    }
    add(ofRolled.all() as unknown as readonly SumRow[])
    for (const { first, end } of eventSlices(db, sliceEvents))
      add(ofSlice.all(first, end) as unknown as readonly SumRow[])
    return sums
  }

  const sumsOfHours = (): ChainSums =>
    new Map((ofHours.all() as unknown as readonly SumRow[]).map(({ chainId, tokens }) => [chainId, tokens]))

  return {
    ofEvents,
    ofHours: sumsOfHours,

    /** Whether adding up the events takes no time to speak of. */
    areEventsFew: (): boolean => {
      const { first, last } = bounds.get() as { readonly first: number | null; readonly last: number | null }
      return first === null || last === null || last - first < maxQuickEvents
    },
  }
}
