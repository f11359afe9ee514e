/**
 * The program at the terminal. Signals that the terminal sends to its whole foreground group (Ctrl-C) are the program's:
 * we survive them and wait. Signals to us alone (SIGTERM, SIGHUP) end the program first and us afterwards.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { StartedBottle } from '../controller/api.ts'
import { BottleError, messageOf } from '../core/errors.ts'
import { carryStreams, passedStreams } from './program-streams.ts'

export interface Program {
  /** The exit code, 128 + n after signal n, as a shell tells it. */
  readonly ended: Promise<number>
  /** Asks the program to end, and after a grace period makes it. */
  end(): void
}

const graceMs = 3_000
/** How long the last output of a program that has ended may take to reach its files; then we go on without it. */
const lastOutputMs = 10_000

/** Throws BottleError `sandbox_failed` when it cannot be started at all, and `usage` for streams that it must not get. */
export async function startProgram({ launch, bottle }: StartedBottle): Promise<Program> {
  const { file, args, env, cwd } = launch
  // A plain process of this host can open any file of its user anyway.
  const child = spawn(file, args, { cwd, env: { ...env }, stdio: bottle.contained ? passedStreams() : 'inherit' })
  const carried = carryStreams(child)
  const { promise: ended, resolve } = Promise.withResolvers<number>()
  child.on('exit', async (code, signal) => {
    await Promise.race([carried, delay(lastOutputMs, undefined, { ref: false })])
    resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal])
  })
  await new Promise<void>((started, reject) => {
    child.on('spawn', started)
    child.on('error', (error) => {
      reject(new BottleError('sandbox_failed', `${file} could not be started: ${messageOf(error)}`, { cause: error }))
    })
  })
  return { ended, end: () => endChild(child, ended) }
}

export function endChild(child: ChildProcess, ended: Promise<unknown>): void {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  void ended.then(() => clearTimeout(timer))
}

export interface HeldSignals extends Disposable {
  /** Aborts at the first signal that means us; its reason is the exit code. */
  readonly ending: AbortSignal
  /** From now on Ctrl-C is the program's own matter. */
  leaveInterruptsToProgram(): void
}

export function holdSignals(): HeldSignals {
  const controller = new AbortController()
  const forUs = ['SIGTERM', 'SIGHUP'] as const
  const forProgram = ['SIGINT', 'SIGQUIT'] as const
  let isProgramRunning = false
  const end = (signal: NodeJS.Signals): void => controller.abort(128 + constants.signals[signal])
  const endOrIgnore = (signal: NodeJS.Signals): void => {
    if (!isProgramRunning) end(signal)
  }
  for (const signal of forUs) process.on(signal, end)
  for (const signal of forProgram) process.on(signal, endOrIgnore)
  return {
    ending: controller.signal,
    leaveInterruptsToProgram() {
      isProgramRunning = true
    },
    [Symbol.dispose]() {
      for (const signal of forUs) process.off(signal, end)
      for (const signal of forProgram) process.off(signal, endOrIgnore)
    },
  }
}

/** Whether the program reads the terminal key by key, as those do that draw the whole screen. */
export function isTerminalRaw(): boolean {
  if (!process.stdin.isTTY) return false
  const { stdout } = spawnSync('stty', ['-a'], { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' })
  return /(?:^|\s)-icanon\b/.test(stdout ?? '')
}

/**
 * A program that is killed leaves the terminal as it had set it, e.g. without echo: disposing puts that right. A shell in a
 * bottle takes the terminal's foreground and cannot give it back, since our process group is not in its namespace. Without
 * the trap stty would then stop us all, as it stops whoever changes a terminal from the background.
 */
export function keepTerminal(): Disposable {
  const nothing = { [Symbol.dispose]: () => undefined }
  if (!process.stdin.isTTY) return nothing
  const saved = spawnSync('stty', ['-g'], { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' })
  const mode = saved.status === 0 ? saved.stdout.trim() : ''
  if (mode === '') return nothing
  return {
    [Symbol.dispose]() {
      spawnSync('sh', ['-c', 'trap "" TTOU; exec stty "$1"', 'sh', mode], { stdio: ['inherit', 'ignore', 'ignore'] })
    },
  }
}
