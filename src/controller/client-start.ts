/** Starts the controller as a daemon, its output in a log file, and waits until it answers. */
import type { ChildProcess } from 'node:child_process'
import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BottleError } from '../core/errors.ts'
import { spawnDaemon } from '../host/spawn-daemon.ts'
import { errorFromBody } from './client-transport.ts'

export interface StartOptions {
  readonly home: string
  readonly logPath: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isAnswering: () => Promise<boolean>
  /** The program and its arguments; the controller's own unless a test says otherwise. */
  readonly command?: readonly string[]
}

const startTimeoutMs = 20_000
const pollMs = 20
const maxLogBytes = 8 * 1024 * 1024
const maxTailBytes = 16 * 1024

/** `.ts` in development, `.js` in `dist`: as this file is. */
const mainPath = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url))
const controllerCommand = [process.execPath, mainPath, 'controller', 'run', '--detached-child']

/** Resolves when the controller answers. Throws what it reported when it ended instead, and leaves none behind. */
export async function startController(options: StartOptions): Promise<void> {
  const { home, logPath, env, command = controllerCommand } = options
  await rotateLog(logPath)
  await using log = await open(logPath, 'a+', 0o600)
  const logStart = (await log.stat()).size
  const child = await spawnDaemon({ command, home, env, stdio: ['ignore', log.fd, log.fd] })
  try {
    await untilAnswering(child, log, { ...options, logStart })
  } catch (error) {
    endGroup(child)
    throw error
  }
  child.unref()
}

async function untilAnswering(
  child: ChildProcess,
  log: FileHandle,
  { isAnswering, logPath, logStart }: StartOptions & { readonly logStart: number },
): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  for (;;) {
    // Looked at before asking: one that ends after its answer is no failure to start.
    const hasEnded = child.exitCode !== null || child.signalCode !== null
    if (await isAnswering()) return
    const failure = hasEnded ? await reportedFailure(child, log, { logStart, logPath }) : undefined
    // With `controller_running` another starter was faster, and its controller is about to answer.
    if (failure !== undefined && failure.code !== 'controller_running') throw failure
    if (performance.now() > deadline) throw failure ?? didNotAnswer(logPath)
    await delay(pollMs)
  }
}

/** A detached child reports its failure as the last line of the log that is an error body (see `api.ts`). */
async function reportedFailure(
  child: ChildProcess,
  log: FileHandle,
  { logStart, logPath }: { readonly logStart: number; readonly logPath: string },
): Promise<BottleError> {
  const { size } = await log.stat()
  const from = Math.max(logStart, size - maxTailBytes)
  const { buffer, bytesRead } = await log.read({ buffer: Buffer.alloc(size - from), position: from })
  const written = buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n')
  for (const line of written.toReversed()) {
    const told = line.startsWith('{"error":') ? errorFromBody(parsed(line)) : undefined
    if (told !== undefined) return told
  }
  const how = child.signalCode ?? `exit code ${child.exitCode}`
  const last = written.findLast((line) => line.trim() !== '')
  return new BottleError(
    'controller_unreachable',
    `the controller ended at its start (${how})${last ? `: ${last}` : ''}`,
    {
      hint: `Its log is ${logPath}.`,
    },
  )
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function didNotAnswer(logPath: string): BottleError {
  return new BottleError('controller_unreachable', `the controller did not answer within ${startTimeoutMs / 1000} s`, {
    hint: `Its log is ${logPath}.`,
  })
}

/** It leads its own process group since it was started detached. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  process.kill(-child.pid, 'SIGKILL')
}

async function rotateLog(logPath: string): Promise<void> {
  const size = await stat(logPath).then(
    (found) => found.size,
    () => 0,
  )
  if (size > maxLogBytes) await rename(logPath, `${logPath}.1`)
}
