/**
 * Opens the ledger's file, creating it when there is none.
 *
 * A new file appears at its path complete (made beside it, then linked), so an empty or foreign file is never one of
 * ours: it is refused and left as it is. The file has mode 0600; SQLite gives its companions the same.
 */
import { randomUUID } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isOlderSchema, ledgerApplicationId, migrate, requireLatestSchema } from './migrations.ts'
import { ledgerErrorOf, unusable, wayOutOfDamage } from './sqlite-errors.ts'
import { finishTakingPlace } from './take-place.ts'
import { walDamage } from './wal-damage.ts'

/** Up to this size the whole file is checked for damage at the start, at up to 8 ms per MiB. `verify` reads any size. */
const maxQuickCheckBytes = 4 * 1024 * 1024
/** The write-ahead log is copied into the database after this many pages; larger ones mean rarer, longer stalls. */
const checkpointPages = 2_000
const pageCacheKiB = 16 * 1024
const readTimeoutMs = 5_000

export interface OpenDatabaseOptions {
  readonly path: string
  /** How long a write waits for another process's transaction before it fails. */
  readonly busyTimeoutMs: number
}

/** Throws `ledger_unusable` with one sentence and a hint when the file cannot serve as the ledger. */
export function openDatabase({ path, busyTimeoutMs }: OpenDatabaseOptions): DatabaseSync {
  try {
    finishTakingPlace(path)
    if (!existsSync(path)) createDatabase(path, busyTimeoutMs)
    return openExisting(path, busyTimeoutMs)
  } catch (error) {
    throw ledgerErrorOf(error, path)
  }
}

/**
 * The file as it is, never written to: for whoever looks at a ledger that may be in use, or broken. Throws as `openDatabase`.
 * `olderToo`: for who does not ask what is in it.
 */
export function openForReading(path: string, { olderToo = false } = {}): DatabaseSync {
  try {
    if (!existsSync(path)) throw unusable(`there is no ledger "${path}"`, 'One begins with the first bottle.')
    requireContent(path)
    const db = new DatabaseSync(path, { readOnly: true, timeout: readTimeoutMs })
    try {
      db.exec('PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY')
      requireLedger(db, path)
      if (!(olderToo && isOlderSchema(db))) requireLatestSchema(db, path)
      return db
    } catch (error) {
      db.close()
      throw error
    }
  } catch (error) {
    throw ledgerErrorOf(error, path)
  }
}

function openExisting(path: string, busyTimeoutMs: number): DatabaseSync {
  const { size: sizeBytes, mode } = requireContent(path)
  accessSync(path, constants.R_OK | constants.W_OK)
  if ((mode & 0o077) !== 0) chmodSync(path, 0o600)
  const damage = walDamage(path)
  if (damage !== undefined) throw unusable(`the ledger "${path}" is damaged (${damage})`, wayOutOfDamage)
  const db = connect(path, busyTimeoutMs)
  try {
    requireLedger(db, path)
    if (sizeBytes <= maxQuickCheckBytes) requireSound(db, path)
    migrate(db, path)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function createDatabase(path: string, busyTimeoutMs: number): void {
  if (existsSync(`${path}-wal`)) {
    throw unusable(
      `the ledger "${path}" is missing, but its write-ahead log is still there`,
      'Restore the ledger from a backup, or remove the file that ends in "-wal" to start an empty one.',
    )
  }
  const draft = `${path}.new-${randomUUID()}`
  try {
    closeSync(openSync(draft, 'wx', 0o600))
    const db = connect(draft, busyTimeoutMs)
    try {
      migrate(db, draft)
    } finally {
      db.close()
    }
    linkUnlessThere(draft, path)
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${draft}${suffix}`, { force: true })
  }
  syncDirectory(dirname(path))
}

/** Another process may have created the ledger meanwhile: then theirs is the one. */
function linkUnlessThere(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch (error) {
    if (!existsSync(path)) throw error
  }
}

function connect(path: string, busyTimeoutMs: number): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
  try {
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = ${checkpointPages};
      PRAGMA cache_size = -${pageCacheKiB};
      PRAGMA temp_store = MEMORY;
      PRAGMA trusted_schema = OFF;
    `)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function requireContent(path: string): { readonly size: number; readonly mode: number } {
  const stat = statSync(path)
  if (!stat.isFile()) throw unusable(`the ledger "${path}" is not a file`, 'Choose the path of a regular file.')
  if (stat.size === 0) throw unusable(`the ledger "${path}" is an empty file`, 'Restore it from a backup or remove it.')
  return stat
}

function requireLedger(db: DatabaseSync, path: string): void {
  const applicationId = db.prepare('PRAGMA application_id').get()?.application_id
  if (applicationId === ledgerApplicationId) return
  throw unusable(`"${path}" is a database, but not a ledger of bot-bottle`, 'Choose another path for the ledger.')
}

function requireSound(db: DatabaseSync, path: string): void {
  const finding = db.prepare('PRAGMA quick_check(1)').get()?.quick_check
  if (finding === 'ok') return
  throw unusable(`the ledger "${path}" is damaged (${String(finding)})`, wayOutOfDamage)
}

export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
