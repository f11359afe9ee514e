/**
 * Looks at a whole ledger without changing it: is the file sound, does every sum agree with its events (I6), what is held.
 * What is found wrong is told, not thrown, so that all of it is told at once. Takes a minute for ten million events.
 */
import type { DatabaseSync } from 'node:sqlite'
import { messageOf } from '../../core/errors.ts'
import type { LedgerProblem, LedgerReport } from '../ledger-report.ts'
import { chainSumStatements } from './chain-sums.ts'
import { chainStatements } from './chains.ts'
import { counterStatements } from './counters.ts'
import { counterMismatches } from './verify.ts'
import { walDamage } from './wal-damage.ts'

const maxDamages = 20
/** Of each other kind. */
const maxProblems = 1_000

/** On a snapshot of a database that others may go on writing to. */
export function inspectLedger(db: DatabaseSync, path: string): LedgerReport {
  db.exec('BEGIN')
  try {
    const damages = damagesOf(db, path)
    const rest = problemsOf(db, damages.length > 0)
    return { path, ...countsOf(db), problems: [...damages, ...rest] }
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK')
  }
}

/** What is wrong with the file and its log, whatever is in it. */
export function damagesOf(db: DatabaseSync, path: string): readonly LedgerProblem[] {
  return [...logDamageOf(path), ...pageDamagesOf(db)]
}

function logDamageOf(path: string): readonly LedgerProblem[] {
  const found = walDamage(path)
  return found === undefined ? [] : [{ kind: 'damage', found }]
}

function pageDamagesOf(db: DatabaseSync): readonly LedgerProblem[] {
  try {
    const findings = db
      .prepare(`PRAGMA integrity_check(${maxDamages})`)
      .all()
      .map((row) => String(row.integrity_check))
    return findings.filter((found) => found !== 'ok').map((found) => ({ kind: 'damage', found }))
  } catch (error) {
    return [{ kind: 'damage', found: messageOf(error) }]
  }
}

/** As much as can be read; what cannot be, in a file that is sound as such, is damage to its content. */
function problemsOf(db: DatabaseSync, isDamaged: boolean): readonly LedgerProblem[] {
  return [mismatchesOf, holdsOf, foreignRowsOf].flatMap((check): readonly LedgerProblem[] => {
    try {
      return check(db).slice(0, maxProblems)
    } catch (error) {
      return isDamaged ? [] : [{ kind: 'damage', found: messageOf(error) }]
    }
  })
}

function mismatchesOf(db: DatabaseSync): readonly LedgerProblem[] {
  const sums = chainSumStatements(db)
  const chains = chainStatements(db).all()
  const ofEvents = sums.ofEvents()
  const ofHours = sums.ofHours()
  const counters = counterMismatches(counterStatements(db).list(), ofEvents, chains)
  const hours = [...new Set([...ofEvents.keys(), ...ofHours.keys()])].flatMap((chainId): readonly LedgerProblem[] => {
    // Sums saturate where they are kept.
    const eventTokens = Math.min(ofEvents.get(chainId) ?? 0, Number.MAX_SAFE_INTEGER)
    const hourTokens = Math.min(ofHours.get(chainId) ?? 0, Number.MAX_SAFE_INTEGER)
    const { dayMs = 0, provider = '', scopes: [scope = ''] = [] } = chains.get(chainId) ?? {}
    return hourTokens === eventTokens ? [] : [{ kind: 'hours', scope, provider, dayMs, hourTokens, eventTokens }]
  })
  return [...counters.map((counter): LedgerProblem => ({ kind: 'counter', ...counter })), ...hours]
}

function holdsOf(db: DatabaseSync): readonly LedgerProblem[] {
  const rows = db
    .prepare(`
      SELECT scope, provider, period, reserved_tokens AS reservedTokens, coalesce(held.tokens, 0) AS heldTokens
      FROM counter LEFT JOIN (
        SELECT key.value ->> 0 AS scope, key.value ->> 1 AS provider, key.value ->> 2 AS period, sum(hold_tokens) AS tokens
        FROM reservation, json_each(reservation.governing) AS key GROUP BY 1, 2, 3
      ) AS held USING (scope, provider, period)
      WHERE reserved_tokens <> coalesce(held.tokens, 0)`)
    .all() as unknown as readonly Omit<Extract<LedgerProblem, { kind: 'hold' }>, 'kind'>[]
  return rows.map((row) => ({ kind: 'hold', ...row }))
}

function foreignRowsOf(db: DatabaseSync): readonly LedgerProblem[] {
  const rows = db.prepare('SELECT "table", parent, count(*) AS rows FROM pragma_foreign_key_check GROUP BY 1, 2').all()
  return rows.map((row) => ({
    kind: 'foreign',
    table: String(row.table),
    parent: String(row.parent),
    rows: Number(row.rows),
  }))
}

function countsOf(db: DatabaseSync): Omit<LedgerReport, 'path' | 'problems'> {
  const numberOf = (sql: string): number | null => {
    try {
      return Number(Object.values(db.prepare(sql).get() ?? {})[0])
    } catch {
      return null
    }
  }
  return {
    schema: numberOf('SELECT max(version) FROM schema_version'),
    sizeBytes: numberOf('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size'),
    events: numberOf('SELECT count(*) FROM usage_event'),
    corrections: numberOf('SELECT count(*) FROM correction'),
    rolledUpExchanges: numberOf('SELECT count(*) FROM rolled_attempt'),
    openHolds: numberOf('SELECT count(*) FROM reservation'),
    heldTokens: numberOf('SELECT CAST(total(hold_tokens) AS INTEGER) FROM reservation'),
    holders: numberOf('SELECT count(DISTINCT owner) FROM reservation'),
  }
}
