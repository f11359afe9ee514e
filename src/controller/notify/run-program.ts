/** Tells a program of the host by its standard input. One that fails or takes too long ends with all of its process group. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { messageOf } from '../../core/errors.ts'
import { UndeliverableError } from './delivery-queue.ts'

export interface ProgramRun {
  readonly command: readonly [string, ...string[]]
  readonly input: string
  readonly directory: string
  readonly signal: AbortSignal
}

/** Of its standard error, for the sentence about a failure. */
const maxErrorCharacters = 1_000

/** Rejects when it fails, takes too long (`signal`), or cannot be started. */
export async function runProgram({ command, input, directory, signal }: ProgramRun): Promise<void> {
  const [name, ...args] = command
  const child = spawn(name, args, { cwd: directory, detached: true, stdio: ['pipe', 'ignore', 'pipe'] })
  // A program that does not read its input is free not to.
  child.stdin.on('error', () => {}).end(input)
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, maxErrorCharacters)
  })
  const closed = once(child, 'close', { signal })
  closed.catch(() => {})
  try {
    const [exitCode, endedBy] = await once(child, 'exit', { signal })
    if (exitCode === 0) return
    await closed
    const end = endedBy === null ? `ended with ${exitCode}` : `was ended by ${endedBy}`
    throw new Error(`the command ${name} ${end}${complaint === '' ? '' : `: ${complaint.trim()}`}`)
  } catch (error) {
    endGroup(child)
    if (signal.aborted) throw new Error(`the command ${name} did not end: ${messageOf(signal.reason)}`)
    if (child.pid === undefined) throw new UndeliverableError(`the command ${name} cannot be run: ${messageOf(error)}`)
    throw error
  } finally {
    child.stderr.destroy()
  }
}

function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}
