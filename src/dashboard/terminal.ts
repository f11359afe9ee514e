/**
 * What the terminal is put into, and how it gets back: whatever ends us (a key, a signal, a bug, a lost controller), the user
 * finds the screen, the cursor and the line discipline as they were. Only SIGKILL leaves no moment for it.
 */
import { writeSync } from 'node:fs'
import { constants } from 'node:os'
import { BottleError } from '../core/errors.ts'

export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream & { readonly fd: number }
}

/** Throws BottleError `usage` where nobody could see or press anything. */
export function requireTerminal({ stdin, stdout }: TerminalStreams, env: NodeJS.ProcessEnv): void {
  const missing = [...(stdin.isTTY ? [] : ['its input']), ...(stdout.isTTY ? [] : ['its output'])]
  const why =
    missing.length > 0
      ? `${missing.join(' and ')} is none`
      : env.TERM === 'dumb'
        ? 'this one (TERM=dumb) cannot draw'
        : ''
  if (why === '') return
  throw new BottleError('usage', `the dashboard needs a terminal, and ${why}`, {
    hint: 'For programs there are: bot-bottle ps --json, budget list --json, audit --json',
  })
}

/** Leaves the second screen, ends styles, shows the cursor, ends bracketed paste. */
const restoring = '\u001b[0m\u001b[?2004l\u001b[?25h\u001b[?1049l'

export interface HeldTerminal extends Disposable {
  /** Sets what the process exits with and has the dashboard end. */
  readonly ended: Promise<number>
  end(exitCode: number): void
  copy(text: string): void
}

export function holdTerminal({ stdin, stdout }: TerminalStreams): HeldTerminal {
  const { promise: ended, resolve: end } = Promise.withResolvers<number>()
  let isHeld = true
  const restore = () => {
    if (!isHeld) return
    isHeld = false
    // A terminal that is gone takes nothing any more.
    try {
      if (stdin.isRaw) stdin.setRawMode(false)
      writeSync(stdout.fd, restoring)
    } catch {}
  }
  // In `exit` as well, against the habit: it is the one moment that every way out of a process has.
  process.on('exit', restore)
  const onBug = (error: unknown) => {
    restore()
    process.stderr.write(`bot-bottle: the dashboard failed: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', onBug)
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const
  const onSignal = (signal: NodeJS.Signals) => end(128 + constants.signals[signal])
  for (const signal of signals) process.on(signal, onSignal)
  return {
    ended,
    end,
    /** OSC 52: the terminal's own clipboard, which over ssh is that of the user. */
    copy: (text) => void stdout.write(`\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`),
    [Symbol.dispose]() {
      restore()
      process.off('exit', restore)
      process.off('uncaughtException', onBug)
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
