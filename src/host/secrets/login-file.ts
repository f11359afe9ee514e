/**
 * A file in which an agent's program keeps its sign-in. Others write it too: the user's own program, other controllers. So it is
 * replaced as a whole, mode 0600, and renewed under the lock that Claude Code itself takes: a directory, stale after a minute.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../core/errors.ts'
import type { LoginFormat } from '../../core/provider/login.ts'

/** As Claude Code has it. Whoever holds the lock is done, or has given up, well before. */
const lockStaleMs = 60_000
const lockTimeoutMs = 45_000
const lockRetryMs = 100

export function loginPath({ place }: LoginFormat, environment: Readonly<Record<string, string | undefined>>): string {
  return join(environment[place.variable] || join(homedir(), place.directory), place.file)
}

/** Rejects with the reason when others hold it for too long. */
export async function lockLogin(path: string): Promise<AsyncDisposable> {
  const lock = join(dirname(await realpath(path)), '.oauth_refresh.lock')
  for (const deadline = performance.now() + lockTimeoutMs; ; await delay(lockRetryMs)) {
    if (await made(lock)) return { [Symbol.asyncDispose]: () => rmdir(lock).catch(() => undefined) }
    const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Infinity }))
    if (Date.now() - mtimeMs > lockStaleMs) await rmdir(lock).catch(() => undefined)
    else if (performance.now() > deadline) throw new Error(`${lock} is held by another program for too long`)
  }
}

async function made(lock: string): Promise<boolean> {
  try {
    await mkdir(lock, { mode: 0o700 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new Error(`${lock} cannot be made: ${messageOf(error)}`, { cause: error })
  }
}

export interface LoginReplacement extends AsyncDisposable {
  /** The file has this content, or (rejected) its old one. */
  commit(text: string): Promise<void>
}

/**
 * Opened before the tokens are asked for: once the provider has given new ones the old ones may be worth nothing, and there must
 * be a place for them. Disposing drops what was not committed.
 */
export async function openReplacement(path: string): Promise<LoginReplacement> {
  const real = await realpath(path)
  const temporary = `${real}.${randomBytes(6).toString('hex')}.new`
  const file = await open(temporary, 'wx', 0o600)
  return {
    async commit(text) {
      await file.writeFile(text)
      await file.sync()
      await rename(temporary, real)
    },
    async [Symbol.asyncDispose]() {
      await file.close()
      await rm(temporary, { force: true })
    },
  }
}
