/** Steps of the set-up and the children that they are. All paths are relative to the repository, wherever we were started. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A failure that the user can act on: its message is all that is shown. */
export class SetupError extends Error {}

const maxOutputBytes = 256 * 1024

/** Runs a step that takes time. When it fails, shows its output and throws what to do as a SetupError. */
export async function step({ title, command, env = {}, advice }) {
  process.stderr.write(`set-up: ${title}\n`)
  const { code, output } = await capture(command, env)
  if (code === 0) return
  process.stderr.write(`${output.trimEnd()}\n`)
  throw new SetupError(`set-up: "${command.join(' ')}" failed (exit code ${code}). ${advice}`)
}

/** Exit code and the end of what was written, both streams together; code 127 when there is no such program. */
export function capture([file, ...args], env = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-maxOutputBytes)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => resolve({ code: 127, output: error.message }))
    child.on('close', (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal], output }))
  })
}

/**
 * Runs the task itself in this terminal, and resolves to its exit code. Ctrl-C reaches it from the terminal: we wait for
 * it to put things in order. A SIGTERM is passed on.
 */
export function runChild(file, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' })
    const ignore = () => {}
    const pass = (signal) => child.kill(signal)
    process.on('SIGINT', ignore)
    process.on('SIGTERM', pass)
    const finish = (code) => {
      process.off('SIGINT', ignore)
      process.off('SIGTERM', pass)
      resolve(code)
    }
    child.on('error', (error) => {
      process.stderr.write(`${file} could not be started: ${error.message}\n`)
      finish(127)
    })
    child.on('exit', (code, signal) => finish(code ?? 128 + constants.signals[signal]))
  })
}
