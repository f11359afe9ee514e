/** Makes everything that is derived from the record (events, and the sums of those that are no more) anew. */
import type { DatabaseSync } from 'node:sqlite'
import { periods } from '../../core/budget/period.ts'
import type { CounterKey } from '../../core/budget/scope.ts'
import { counterStatements } from './counters.ts'
import { eventSlices } from './event-slices.ts'
import { addEventsToHours, copyRolledToHours, setAllChanged } from './usage-hours.ts'

/** What SQLite sorts in memory at a time. */
const sliceEvents = 100_000

/** In a transaction of the caller's. */
export function rebuildSums(db: DatabaseSync): void {
  rebuildChainScopes(db)
  rebuildHours(db)
  db.exec(setAllChanged)
  rebuildCounters(db)
}

export function rebuildChainScopes(db: DatabaseSync): void {
  db.exec(`
    DELETE FROM chain_scope;
    INSERT INTO chain_scope
      SELECT scope.value, keys ->> 'provider', keys ->> 'dayMs', chain_id FROM chain, json_each(keys -> 'scopes') AS scope`)
}

export function rebuildHours(db: DatabaseSync): void {
  db.exec('DELETE FROM usage_hour')
  db.exec(copyRolledToHours)
  const addSlice = db.prepare(addEventsToHours('usage_hour', 'sequence >= ? AND sequence < ?'))
  for (const { first, end } of eventSlices(db, sliceEvents)) addSlice.run(first, end)
}

/**
 * Of all time where something was charged, those of other periods that were kept, and those that are held. What this host was granted
 * of them (`ledger/journal.ts`) follows from nothing else, and stays.
 */
export function rebuildCounters(db: DatabaseSync): void {
  const kept = db.prepare('SELECT scope, provider, period FROM counter').all()
  const charged = db.prepare(`SELECT DISTINCT scope, provider, 'total' AS period FROM chain_scope`).all()
  const held = db
    .prepare(`
      SELECT DISTINCT key.value ->> 0 AS scope, key.value ->> 1 AS provider, key.value ->> 2 AS period
      FROM reservation, json_each(governing) AS key`)
    .all()
  const granted = db
    .prepare(`SELECT granted_tokens, scope, provider, period FROM counter WHERE granted_tokens IS NOT NULL`)
    .all()
  db.exec('DELETE FROM counter')
  const counters = counterStatements(db)
  for (const key of [...charged, ...kept, ...held] as unknown as readonly CounterKey[]) {
    if (isPeriod(key.period)) counters.create(key)
  }
  const grant = db.prepare('UPDATE counter SET granted_tokens = ? WHERE scope = ? AND provider = ? AND period = ?')
  for (const row of granted) grant.run(...Object.values(row))
}

/** A damaged file may say anything. */
function isPeriod(key: string): boolean {
  return periods.some((period) => key === period || key.startsWith(`${period}:`))
}
