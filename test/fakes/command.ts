/** A command of a test: its output so far, its end, and a wait for what it will say. It leads its own process group. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface CommandEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export const typed = Symbol('typed')

export interface CommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** What the command reads; without it, nothing. `typed`: what the test types as it goes. */
  readonly input?: string | typeof typed
}

export interface Command {
  readonly pid: number
  readonly ended: Promise<CommandEnd>
  /** Resolves with the match as soon as stdout and stderr together have one; rejects when the command ends without. */
  said(pattern: RegExp): Promise<RegExpExecArray>
  /** The same for what it says from now on. */
  saidAnew(pattern: RegExp): Promise<RegExpExecArray>
  type(text: string): void
  /** Sends a signal to the command alone. */
  signal(signal: NodeJS.Signals): void
  /** As a terminal does: to the whole process group. */
  signalGroup(signal: NodeJS.Signals): void
}

const saidTimeoutMs = 20_000

export function startCommand(words: readonly string[], { env, cwd, input }: CommandOptions): Command {
  const [file = '', ...args] = words
  const child = spawn(file, args, { env, cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '', both: '' }
  let onOutput: () => void = () => undefined
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      output.both += text
      onOutput()
    })
  }
  // The command may end without having read.
  child.stdin.on('error', () => undefined)
  if (input !== typed) child.stdin.end(input ?? '')
  const ended = once(child, 'close').then(([exitCode, signal]): CommandEnd => {
    return { exitCode, signal, stdout: output.stdout, stderr: output.stderr }
  })
  const pid = pidOf(child)
  const said = (pattern: RegExp, from: number): Promise<RegExpExecArray> => {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
    const fail = (why: string) => reject(new Error(`${words.join(' ')} ${why} ${pattern}; it said:\n${output.both}`))
    const timer = setTimeout(() => fail(`did not say within ${saidTimeoutMs / 1000} s`), saidTimeoutMs)
    const earlier = onOutput
    onOutput = () => {
      earlier()
      const found = pattern.exec(output.both.slice(from))
      if (found) resolve(found)
    }
    onOutput()
    void ended.then(() => fail('ended without saying'))
    return promise.finally(() => clearTimeout(timer))
  }
  return {
    pid,
    ended,
    said: (pattern) => said(pattern, 0),
    saidAnew: (pattern) => said(pattern, output.both.length),
    type: (text) => void child.stdin.write(text),
    signal: (signal) => void child.kill(signal),
    signalGroup: (signal) => signalIfThere(-pid, signal),
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started`)
  return child.pid
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
