/** Leaves a bottle to a process in the background. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { BottleError } from '../../core/errors.ts'
import { outputLogName } from '../../host/output-log.ts'
import { spawnDaemon } from '../../host/spawn-daemon.ts'
import { findCommand } from '../find-command.ts'
import { instancePath } from '../instance-path.ts'
import type { TerminalSize } from './detached-program.ts'
import { firstLine } from './first-line.ts'
import type { DetachedBottle } from './hold-detached.ts'
import type { HolderAnswer } from './holder.ts'

/** `.ts` in development, `.js` in `dist`: as this file is. */
const holderPath = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './holder.ts' : './holder.js', import.meta.url),
)

/** Resolves when its program runs. Throws why it does not. */
export async function startHolder(detached: DetachedBottle, env: NodeJS.ProcessEnv): Promise<void> {
  const { home, started } = detached
  const { O_WRONLY, O_CREAT, O_APPEND } = constants
  const logPath = join(instancePath(home, started.bottle.id), outputLogName)
  await using log = await open(logPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
  const child = await spawnDaemon({
    command: [process.execPath, holderPath],
    home,
    env,
    stdio: ['pipe', 'pipe', log.fd],
  })
  child.stdin?.on('error', () => undefined).end(JSON.stringify(detached))
  // A pipe, as was asked for above.
  const said = await firstLine(child.stdout as Readable)
  child.stdin?.destroy()
  child.unref()
  if (said === undefined) {
    throw new BottleError('sandbox_failed', 'the process that was to hold the bottle ended at its start', {
      hint: `It may have said why: bot-bottle logs ${started.bottle.id}`,
    })
  }
  const { failure } = JSON.parse(said) as HolderAnswer // from `holder.ts`
  if (failure) throw new BottleError(failure.code, failure.message, failure.hint === null ? {} : { hint: failure.hint })
}

/** That of the user's own terminal, so that nothing is drawn anew at the first look. */
export function ownTerminalSize(): TerminalSize {
  const { rows, columns } = process.stdout
  // Not known without a terminal, and nothing in one that nobody looks at.
  return { rows: rows || 24, columns: columns || 80 }
}

/** Throws BottleError `not_found` where a program can have no terminal of its own. */
export async function checkTerminalTools(cwd: string): Promise<void> {
  const installHint = 'Install it (Debian: bsdutils), or give --no-tty to a program that needs no terminal.'
  for (const name of ['script', 'stty']) await findCommand(name, { path: '/usr/bin:/bin', cwd, installHint })
}
