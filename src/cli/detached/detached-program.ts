/**
 * A program without a terminal of the user's: with a terminal of its own, which `script` (util-linux) has for it, since Node can open
 * none; or with plain pipes, and nothing to read.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { StartedBottle } from '../../controller/api.ts'
import { BottleError, messageOf } from '../../core/errors.ts'
import { endChild } from '../program.ts'
import { firstLine } from './first-line.ts'

export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

export interface DetachedProgram {
  /** The exit code, 128 + n after signal n. All that it printed was told before. */
  readonly ended: Promise<number>
  /** What somebody types. */
  type(bytes: Buffer): void
  resize(size: TerminalSize): void
  end(): void
}

export interface DetachedProgramOptions {
  readonly launch: StartedBottle['launch']
  /** undefined: plain pipes. */
  readonly terminal: TerminalSize | undefined
  onOutput(bytes: Buffer): void
}

/** Somebody else may hold the pipes of a program that has ended; then we go on without the rest. */
const lastOutputMs = 2_000

/** Throws BottleError `sandbox_failed` when it cannot be started at all. */
export function startDetachedProgram(options: DetachedProgramOptions): Promise<DetachedProgram> {
  return options.terminal ? startInTerminal(options, options.terminal) : startWithPipes(options)
}

async function startWithPipes({ launch, onOutput }: DetachedProgramOptions): Promise<DetachedProgram> {
  const { file, args, env, cwd } = launch
  const child = await started(spawn(file, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] }))
  const ended = endOf(child, onOutput)
  return { ended, type: () => {}, resize: () => {}, end: () => endChild(child, ended) }
}

/**
 * What `script` runs in the new terminal: says which one it is (3), takes what to become (4; the first word is its SHELL, which
 * `script` needs for itself), and becomes it. So no word of the command is on a command line twice.
 */
const inTerminal = (size: TerminalSize) => `stty sane ${sizeWords(size).join(' ')}
tty >&3
mapfile -d '' -t words <&4
exec 3>&- 4<&-
if [[ \${words[0]} ]]; then SHELL=\${words[0]}; else unset SHELL; fi
exec "\${words[@]:1}"`

async function startInTerminal(
  { launch, onOutput }: DetachedProgramOptions,
  size: TerminalSize,
): Promise<DetachedProgram> {
  const { file, args, env, cwd } = launch
  const words = ['--quiet', '--return', '--command', inTerminal(size), '/dev/null']
  const child = await started(
    spawn('script', words, {
      cwd,
      env: { ...env, SHELL: '/bin/bash' },
      stdio: ['pipe', 'pipe', 'ignore', 'pipe', 'pipe'],
    }),
  )
  const [input, , , named, command] = child.stdio as unknown as [Writable, Readable, null, Readable, Writable]
  for (const stream of [input, command]) stream.on('error', () => undefined)
  command.end([env.SHELL ?? '', file, ...args].map((word) => `${word}\0`).join(''))
  const ended = endOf(child, onOutput)
  const terminal = (await firstLine(named)) ?? ''
  let resized: Promise<unknown> = Promise.resolve()
  return {
    ended,
    type: (bytes) => void input.write(bytes),
    // The kernel tells the program (SIGWINCH).
    resize(next) {
      const stty = () => once(spawn('stty', ['-F', terminal, ...sizeWords(next)], { stdio: 'ignore' }), 'exit')
      resized = resized.then(stty).catch(() => undefined)
    },
    end: () => endChild(child, ended),
  }
}

function sizeWords({ rows, columns }: TerminalSize): readonly string[] {
  return ['rows', String(rows), 'cols', String(columns)]
}

async function started(child: ChildProcess): Promise<ChildProcess> {
  try {
    await once(child, 'spawn')
    return child
  } catch (cause) {
    throw new BottleError('sandbox_failed', `${child.spawnfile} could not be started: ${messageOf(cause)}`, { cause })
  }
}

async function endOf(child: ChildProcess, onOutput: (bytes: Buffer) => void): Promise<number> {
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', onOutput)
  const closed = once(child, 'close')
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  await Promise.race([closed, delay(lastOutputMs, undefined, { ref: false })])
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal]
}
