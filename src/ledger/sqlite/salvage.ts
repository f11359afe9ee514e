/**
 * Brings what can be read of a damaged ledger into a new one. Events are the record; where some are lost, the sums of their
 * hours take their place if those can be read, so that no counter forgets a charge. Everything else is made anew.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Salvaged } from '../ledger-report.ts'
import { copyByKey, copyByRowId, openDamaged } from './copy-readable.ts'
import { rebuildChainScopes, rebuildCounters, rebuildHours } from './rebuild.ts'
import { unusable } from './sqlite-errors.ts'
import { addHoursBeyond, setAllChanged } from './usage-hours.ts'

/** Made anew from the rest. */
const derived: ReadonlySet<string> = new Set(['usage_hour', 'chain_scope', 'schema_version'])

/** `db` is a new ledger. The damaged file is only read. */
export function salvage(db: DatabaseSync, damagedPath: string): Salvaged {
  using from = openReadable(damagedPath)
  db.exec('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE')
  try {
    const saved = copyAll(db, from)
    db.exec('COMMIT')
    return saved
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK')
    db.exec('PRAGMA foreign_keys = ON')
  }
}

/** The list of tables is on the first page: without it nothing can be found. */
function openReadable(path: string): DatabaseSync {
  try {
    const db = openDamaged(path)
    db.prepare('SELECT name FROM sqlite_schema').all()
    return db
  } catch (cause) {
    throw unusable(
      `nothing of the ledger "${path}" can be read: its first page is lost`,
      'Restore a backup, or move the file away to begin a new ledger.',
      cause,
    )
  }
}

function copyAll(into: DatabaseSync, from: DatabaseSync): Salvaged {
  const incompleteTables: string[] = []
  const note = (table: string, isWhole: boolean): void => {
    if (!isWhole) incompleteTables.push(table)
  }
  withoutTriggers(into, () => {
    for (const { table, hasRowId } of recordTables(into)) {
      note(table, hasRowId ? copyByRowId({ from, into, table }) : copyByKey({ from, into, table }))
    }
    // The index of chains has all that they are.
    if (incompleteTables.includes('chain')) copyByKey({ from, into, table: 'chain', key: ['keys'] })
  })
  mendReferences(into)
  rebuildChainScopes(into)
  rebuildHours(into)
  const lostEventsInSums = keepSumsOfLost(into, from)
  into.exec(setAllChanged)
  rebuildCounters(into)
  const { saved, first, last } = into
    .prepare('SELECT count(*) AS saved, min(sequence) AS first, max(sequence) AS last FROM usage_event')
    .get() as { readonly saved: number; readonly first: number | null; readonly last: number | null }
  const lostEvents = Math.max(lostEventsInSums, (last ?? 0) - (first ?? 1) + 1 - saved)
  return { savedEvents: saved, lostEvents, lostEventsInSums, incompleteTables }
}

/** Counters are derived, too, but say for which periods they are kept. */
function recordTables(db: DatabaseSync): readonly { readonly table: string; readonly hasRowId: boolean }[] {
  const rows = db.prepare(`SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'`).all()
  return rows
    .map(({ name, wr }) => ({ table: String(name), hasRowId: wr === 0 }))
    .filter(({ table }) => !table.startsWith('sqlite_') && !derived.has(table))
}

/** Takes out or replaces what refers to rows that are not there, and what cannot be understood. */
export function mendReferences(db: DatabaseSync): void {
  withoutTriggers(db, () => {
    mendContent(db)
    replaceLostChains(db)
  })
}

/** They hold what may happen to a ledger, not what may be copied. */
function withoutTriggers(db: DatabaseSync, run: () => void): void {
  const triggers = db.prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`).all()
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${String(name)}`)
  run()
  for (const { sql } of triggers) db.exec(String(sql))
}

/** Texts of a broken page may be readable and say nothing; what they stood for is replaced, or left out. */
function mendContent(db: DatabaseSync): void {
  db.exec(`
    DELETE FROM correction WHERE sequence NOT IN (SELECT sequence FROM usage_event);
    DELETE FROM chain WHERE NOT json_valid(keys);
    DELETE FROM chain WHERE json_type(keys, '$.dayMs') IS NOT 'integer' OR json_type(keys, '$.provider') IS NOT 'text'
      OR json_type(keys, '$.scopes') IS NOT 'array'
      OR EXISTS (SELECT 1 FROM json_each(keys, '$.scopes') AS scope WHERE scope.type <> 'text');
    UPDATE reservation SET governing = '[]' WHERE NOT json_valid(governing);
    UPDATE bottle SET definitions = '[]' WHERE NOT json_valid(definitions);
    UPDATE bottle SET reference = '' WHERE reference <> '' AND NOT json_valid(reference)`)
}

/** Whom an event was charged to is in its chain. Without it: to its bottle's run, its agent, its definitions and the host. */
function replaceLostChains(db: DatabaseSync): void {
  const lost = db
    .prepare(`
      SELECT chain_id AS chainId, min(provider) AS provider, min(at_ms) / 86400000 * 86400000 AS dayMs, min(used.agent) AS agent,
        min(used.bottle_id) AS bottleId, coalesce(min(bottle.definitions), '[]') AS definitions
      FROM (
        SELECT chain_id, provider, agent, bottle_id, started_at_ms AS at_ms FROM usage_event
        UNION ALL SELECT chain_id, provider, agent, bottle_id, reserved_at_ms FROM reservation
        UNION ALL SELECT chain_id, provider, agent, bottle_id, hour_ms FROM rolled_usage
      ) AS used LEFT JOIN bottle ON bottle.id = used.bottle_id
      WHERE chain_id NOT IN (SELECT chain_id FROM chain) GROUP BY chain_id`)
    .all() as unknown as readonly LostChain[]
  const insert = db.prepare('INSERT INTO chain (chain_id, keys) VALUES (?, ?)')
  for (const { chainId, provider, dayMs, agent, bottleId, definitions } of lost) {
    const bottles = (JSON.parse(definitions) as readonly string[]).map((name) => `bottle:${name}`)
    const scopes = [`run:${bottleId}`, `agent:${agent}`, ...bottles, 'host']
    // `lost` keeps it apart from a chain that is the same.
    insert.run(chainId, JSON.stringify({ dayMs, provider, scopes, lost: chainId }))
  }
}

interface LostChain {
  readonly chainId: number
  readonly provider: string
  readonly dayMs: number
  readonly agent: string
  readonly bottleId: string
  /** JSON. */
  readonly definitions: string
}

/** What hours say beyond the events that were saved becomes the record of those that were not. Returns how many they are. */
function keepSumsOfLost(db: DatabaseSync, from: DatabaseSync): number {
  db.exec('CREATE TEMP TABLE old_hour AS SELECT * FROM usage_hour WHERE false')
  copyByKey({ from, into: db, table: 'usage_hour', intoTable: 'temp.old_hour' })
  db.exec('DELETE FROM temp.old_hour WHERE chain_id NOT IN (SELECT chain_id FROM chain)')
  const exchanges = () => Number(db.prepare('SELECT total(exchanges) AS sum FROM usage_hour').get()?.sum)
  const before = exchanges()
  db.exec(addHoursBeyond('rolled_usage', 'old_hour'))
  db.exec(addHoursBeyond('usage_hour', 'old_hour'))
  db.exec('DROP TABLE temp.old_hour')
  return exchanges() - before
}
