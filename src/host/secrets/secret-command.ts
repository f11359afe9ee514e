/**
 * A secret that a command of the host prints, e.g. a password manager. It is run by `/bin/sh` as the host's user, in the home
 * directory, without input, in a process group of its own that is ended with it.
 */
import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { maxSecretBytes, withoutLastNewline } from './secret-file.ts'

const maxErrorCharacters = 300

export interface SecretCommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timeoutMs?: number
}

/** A command that failed; `printed` is the end of what it wrote to stderr, for the user alone. */
export class SecretCommandError extends Error {
  readonly printed: string

  constructor(message: string, printed: string) {
    super(message)
    this.name = 'SecretCommandError'
    this.printed = printed
  }
}

/** What the command printed, without the newline at its end. Rejects with a SecretCommandError, which never shows the command. */
export async function runSecretCommand(
  command: string,
  { env, timeoutMs = 30_000 }: SecretCommandOptions,
): Promise<string> {
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: homedir(),
    detached: true,
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let fault: string | undefined
  const end = (why: string) => {
    fault ??= why
    killGroup(child)
  }
  const timer = setTimeout(() => end(`the command did not end within ${timeoutMs / 1000} s`), timeoutMs)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (output.length > maxSecretBytes) end(`the command printed more than ${maxSecretBytes} bytes`)
  })
  let printed = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed = (printed + text).slice(-maxErrorCharacters)
  })
  // What it left running in the background would hold its output open.
  child.once('exit', () => killGroup(child))
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.once('error', (error) => reject(new SecretCommandError(`/bin/sh cannot be run: ${error.message}`, '')))
  child.once('close', (exitCode, signal) => {
    if (exitCode !== 0) fault ??= `the command ended with ${signal ?? `exit code ${exitCode}`}`
    if (fault === undefined) resolve(withoutLastNewline(output))
    else reject(new SecretCommandError(fault, printed.trim()))
  })
  return promise.finally(() => clearTimeout(timer))
}

function killGroup({ pid }: { readonly pid?: number | undefined }): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
