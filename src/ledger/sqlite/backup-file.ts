/** `ledger backup`: a consistent copy of a ledger that may be in use. */
import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { openForReading, syncDirectory } from './open-database.ts'
import { ledgerErrorOf, unusable } from './sqlite-errors.ts'

/** Pages between which the copying thread does something else. */
const pagesAtOnce = 1_000

/**
 * The copy has mode 0600 and appears under its name complete and durable; until then an empty file keeps the name, which is no
 * ledger to anyone; after an abort nothing is left of it. Throws BottleError `ledger_unusable` when the name is taken.
 */
export async function backUpLedgerFile(path: string, copyPath: string, signal?: AbortSignal): Promise<void> {
  // Who is about to take a newer program wants a copy first.
  using db = openForReading(path, { olderToo: true })
  const draft = `${copyPath}.part-${randomUUID()}`
  takeName(copyPath)
  try {
    closeSync(openSync(draft, 'wx', 0o600))
    // One snapshot for the whole copy: otherwise it begins anew with every write of others.
    db.exec('BEGIN')
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    await backup(db, draft, { rate: pagesAtOnce, progress: () => signal?.throwIfAborted() })
    makeSingleFile(draft)
    const file = openSync(draft, 'r')
    fsyncSync(file)
    closeSync(file)
    renameSync(draft, copyPath)
    syncDirectory(dirname(copyPath))
  } catch (error) {
    rmSync(copyPath, { force: true })
    throw ledgerErrorOf(error, copyPath)
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${draft}${suffix}`, { force: true })
  }
}

/** Else whoever reads it leaves a log beside it. */
function makeSingleFile(path: string): void {
  using db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = DELETE')
}

function takeName(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw unusable(`"${path}" is there already, and nothing is overwritten`, 'Choose another name.', error)
    }
    throw ledgerErrorOf(error, path)
  }
}
