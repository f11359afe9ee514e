/**
 * The ledger's file, for commands that need no controller and must work where none can start. Looking, copying and exporting
 * read a snapshot, whoever writes to the ledger meanwhile; a rebuild is refused while a controller holds the home.
 */
import { mkdirSync } from 'node:fs'
import { BottleError } from '../core/errors.ts'
import { hostPaths } from '../host/paths.ts'
import { backUpLedgerFile } from '../ledger/sqlite/backup-file.ts'
import { exportUsage } from '../ledger/sqlite/export-events.ts'
import { inspectLedger } from '../ledger/sqlite/inspect.ts'
import { openForReading } from '../ledger/sqlite/open-database.ts'
import { rebuildLedgerFile } from '../ledger/sqlite/rebuild-file.ts'
import type { LedgerFile } from './api.ts'
import { lockInstance } from './instance.ts'

export function ledgerFile(home: string): LedgerFile {
  const { databasePath, runPath } = hostPaths(home)
  const lockHome = (): Disposable => {
    mkdirSync(runPath, { recursive: true, mode: 0o700 })
    try {
      return lockInstance(runPath)
    } catch (cause) {
      throw new BottleError(
        'controller_running',
        `a controller is running for ${home} (or another rebuild), and has the ledger open`,
        {
          hint: 'Stop it first: bot-bottle controller stop',
          cause,
        },
      )
    }
  }
  return {
    inspect(path = databasePath) {
      using db = openForReading(path)
      return inspectLedger(db, path)
    },

    rebuild(nowMs) {
      using _lock = lockHome()
      return rebuildLedgerFile(databasePath, nowMs)
    },

    backUp: (copyPath, signal) => backUpLedgerFile(databasePath, copyPath, signal),

    *exported(range) {
      using db = openForReading(databasePath)
      yield* exportUsage(db, range)
    },
  }
}
