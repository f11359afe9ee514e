import { statSync } from 'node:fs'
import { unusable } from './sqlite-errors.ts'

/**
 * Throws `ledger_unusable` once the open file is no longer the one at its path: SQLite would write on into a file that
 * nobody can find again, and every charge would be lost without a word.
 */
export type FileGuard = () => void

export function guardFile(path: string): FileGuard {
  const opened = statSync(path)
  return () => {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found?.ino === opened.ino && found.dev === opened.dev) return
    throw unusable(
      `the ledger "${path}" was ${found ? 'replaced' : 'removed'} while it was open`,
      'Put the file back if you can, then restart with: bot-bottle controller stop --force',
    )
  }
}
