/** A terminal of a size that a test chose, in which the test types and whose screen it reads: tmux, with a server of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { until } from './until.ts'

export interface Tmux extends AsyncDisposable {
  /** Characters as they are, or names of keys as tmux has them (`Enter`, `Escape`, `Down`). */
  press(...keys: readonly string[]): Promise<void>
  /** The lines of the screen, without the spaces at their ends. */
  screen(): Promise<readonly string[]>
  /** Waits until the screen has a match; fails with the screen. */
  shows(pattern: RegExp): Promise<string>
  resize(columns: number, rows: number): Promise<void>
  /** What tmux knows of the terminal, e.g. `alternate_on`, `cursor_flag`, `pane_pid`. */
  value(name: string): Promise<string>
}

export interface TmuxOptions {
  readonly columns: number
  readonly rows: number
  /** Its socket is in there. */
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
}

const showsTimeoutMs = 20_000

/** With a shell in it, whose prompt is `$ `. */
export async function openTmux({ columns, rows, directory, env }: TmuxOptions): Promise<Tmux> {
  const tmux = async (...args: readonly string[]) => {
    const words = ['-S', `${directory}/tmux`, '-f', '/dev/null', ...args]
    return (await promisify(execFile)('tmux', words, { env: { ...env, LC_ALL: 'C.UTF-8' } })).stdout
  }
  const size = ['-x', String(columns), '-y', String(rows)]
  const shell = ['env', 'PS1=$ ', 'HISTFILE=', 'bash', '--norc', '--noprofile']
  await tmux('new-session', '-d', '-s', 'test', ...size, ...shell)
  const screen = async () => (await tmux('capture-pane', '-p', '-t', 'test')).split('\n').map((line) => line.trimEnd())
  return {
    async press(...keys) {
      await tmux('send-keys', '-t', 'test', ...keys)
    },
    screen,
    async shows(pattern) {
      let seen = ''
      const isShown = async () => {
        seen = (await screen()).join('\n')
        return pattern.test(seen)
      }
      await until(`the screen shows ${pattern}`, isShown, showsTimeoutMs).catch((error: unknown) => {
        throw new Error(`it shows no ${pattern}:\n${seen}`, { cause: error })
      })
      return seen
    },
    async resize(width, height) {
      await tmux('resize-window', '-t', 'test', '-x', String(width), '-y', String(height))
    },
    value: async (name) => (await tmux('display-message', '-p', '-t', 'test', `#{${name}}`)).trim(),
    async [Symbol.asyncDispose]() {
      await tmux('kill-server')
    },
  }
}
