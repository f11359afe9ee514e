/**
 * The terminal as the dashboard needs it, and all that may end its use of it: whatever it is (a key, a signal, a bug, a controller that
 * is gone), it ends in one place, where Ink gives the screen, the cursor and the line discipline back. Only SIGKILL leaves no moment for it.
 */
import { constants } from 'node:os'
import { BottleError } from '../core/errors.ts'

export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
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

export interface HeldTerminal extends Disposable {
  /** What the process exits with. Rejects with a bug of ours, wherever it was thrown. */
  readonly ended: Promise<number>
  end(exitCode: number): void
  copy(text: string): void
}

const signals = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const

export function holdTerminal({ stdout }: TerminalStreams): HeldTerminal {
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<number>()
  // It may come before anybody waits.
  ended.catch(() => undefined)
  const onSignal = (signal: NodeJS.Signals) => end(128 + constants.signals[signal])
  for (const signal of signals) process.on(signal, onSignal)
  process.on('uncaughtException', fail)
  return {
    ended,
    end,
    /** OSC 52: the terminal's own clipboard, which over ssh is that of the user. */
    copy: (text) => void stdout.write(`\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`),
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, onSignal)
      process.off('uncaughtException', fail)
    },
  }
}
