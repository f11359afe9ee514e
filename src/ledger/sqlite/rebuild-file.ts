/**
 * `ledger rebuild`: makes a ledger's sums anew from its events, in place where the file is sound. What is damaged is never
 * written to: a new file takes its place, and it stays beside under a dated name. The caller sees to it that nobody else has
 * the ledger open.
 */
import { randomUUID } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { BottleError } from '../../core/errors.ts'
import type { LedgerReport, RebuildReport } from '../ledger-report.ts'
import { damagesOf, inspectLedger } from './inspect.ts'
import { isOlderSchema } from './migrations.ts'
import { openDatabase, openForReading } from './open-database.ts'
import { rebuildSums } from './rebuild.ts'
import { mendReferences, salvage } from './salvage.ts'
import { ledgerErrorOf, wayOutOfDamage } from './sqlite-errors.ts'
import { finishTakingPlace, takePlace } from './take-place.ts'

const busyTimeoutMs = 5_000
const draftMark = '.rebuild-'
/** SQLite's result codes for a file that is broken. */
const corrupt = 11

/** Throws BottleError `ledger_unusable` for what cannot be rebuilt, e.g. a newer schema; then nothing was changed. */
export function rebuildLedgerFile(path: string, nowMs: number): RebuildReport {
  finishTakingPlace(path)
  removeDrafts(path)
  const found = examine(path)
  try {
    const rebuilt = found?.problems.every(({ kind }) => kind !== 'damage') ? rebuildInPlace(path, found) : undefined
    return rebuilt ?? salvageFile(path, nowMs)
  } catch (error) {
    throw ledgerErrorOf(error, path)
  }
}

/** `undefined` when it is too broken to be looked through. */
function examine(path: string): LedgerReport | undefined {
  try {
    if (isOlderAndDamaged(path)) return undefined
    using db = openForReading(path)
    return inspectLedger(db, path)
  } catch (error) {
    if (isCorrupt(error)) return undefined
    throw error
  }
}

/** A sound file of an older schema is brought up to date. */
function isOlderAndDamaged(path: string): boolean {
  {
    using db = openForReading(path, { olderToo: true })
    if (!isOlderSchema(db)) return false
    if (damagesOf(db, path).length > 0) return true
  }
  openDatabase({ path, busyTimeoutMs }).close()
  return false
}

function isCorrupt(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return cause instanceof Error && 'errcode' in cause && (Number(cause.errcode) & 0xff) === corrupt
}

/** `undefined` for values that no table takes: where it only reads, SQLite does not look at the CHECKs. */
function rebuildInPlace(path: string, before: LedgerReport): RebuildReport | undefined {
  using db = openUnlessDamaged(path)
  if (db?.prepare('PRAGMA quick_check(1)').get()?.quick_check !== 'ok') return undefined
  db.exec('BEGIN IMMEDIATE')
  try {
    mendReferences(db)
    rebuildSums(db)
    db.exec('COMMIT')
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK')
  }
  requireSound(db, path)
  return { kind: 'rebuilt', path, events: before.events ?? 0, mended: before.problems }
}

function openUnlessDamaged(path: string): DatabaseSync | undefined {
  try {
    return openDatabase({ path, busyTimeoutMs })
  } catch (error) {
    if (error instanceof BottleError && error.hint === wayOutOfDamage) return undefined
    throw error
  }
}

function salvageFile(path: string, nowMs: number): RebuildReport {
  try {
    const draft = `${path}${draftMark}${randomUUID()}`
    const saved = fillDraft(draft, path)
    const keptAs = takePlace(path, draft, nowMs)
    return { kind: 'salvaged', path, keptAs, ...saved }
  } finally {
    removeDrafts(path)
  }
}

/** Also those of processes that were killed: nobody else rebuilds. */
function removeDrafts(path: string): void {
  const prefix = `${basename(path)}${draftMark}`
  for (const name of readdirSync(dirname(path))) if (name.startsWith(prefix)) rmSync(join(dirname(path), name))
}

function fillDraft(draft: string, damagedPath: string) {
  using db = openDatabase({ path: draft, busyTimeoutMs })
  // Nothing of it counts before it is whole, and then it is on the disk.
  db.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF')
  const saved = salvage(db, damagedPath)
  requireSound(db, draft)
  db.exec('PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL')
  return saved
}

function requireSound(db: DatabaseSync, path: string): void {
  const [problem] = inspectLedger(db, path).problems
  if (problem !== undefined) throw new Error(`the rebuilt ledger "${path}" is not sound: ${JSON.stringify(problem)}`)
}
