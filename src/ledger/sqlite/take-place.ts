/**
 * Puts a rebuilt ledger in the place of the damaged one, which stays beside under a dated name with its log.
 *
 * SQLite would lay the log of the damaged file over the new one, and two names cannot be changed at once. So the new file first
 * gets a name that says that it is whole (`….rebuilt-DATE`): from then on the rest is done, by whoever opens the ledger next if
 * need be. Each step may be taken twice.
 */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { unusable } from './sqlite-errors.ts'

/** Returns the name that the damaged file is kept under. Throws when that is taken, before anything is changed. */
export function takePlace(path: string, draft: string, nowMs: number): string {
  const stamp = `${new Date(nowMs).toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}Z`
  const keptAs = `${path}.damaged-${stamp}`
  if (existsSync(keptAs)) throw unusable(`"${keptAs}" is there already`, 'Move it away, then try again.')
  sync(draft)
  renameSync(draft, `${path}.rebuilt-${stamp}`)
  sync(dirname(path))
  finishTakingPlace(path)
  return keptAs
}

/** Does what is left of it, if its process ended meanwhile. */
export function finishTakingPlace(path: string): void {
  const prefix = `${basename(path)}.rebuilt-`
  const name = existsSync(dirname(path)) ? readdirSync(dirname(path)).find((one) => one.startsWith(prefix)) : undefined
  if (name === undefined) return
  const keptAs = `${path}.damaged-${name.slice(prefix.length)}`
  if (!existsSync(keptAs)) linkSync(path, keptAs)
  if (existsSync(`${path}-wal`)) {
    // Whoever looked at the ledger in between has left an empty one.
    if (existsSync(`${keptAs}-wal`)) rmSync(`${path}-wal`)
    else renameSync(`${path}-wal`, `${keptAs}-wal`)
  }
  rmSync(`${path}-shm`, { force: true })
  renameSync(join(dirname(path), name), path)
  sync(dirname(path))
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
