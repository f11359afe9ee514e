/** What the commands are given: where they run, where they print, and the parts of the program that only main.ts knows. */

import type { LedgerFile, LedgerHosts } from '../controller/api.ts'
import type { LogLevel } from '../core/log-level.ts'
import { asciiOf, isUtf8 } from './ascii.ts'
import { isColoured } from './colour.ts'
import { inert } from './inert.ts'

/** Loaded when asked for, so that no command pays for another's modules. */
export interface Entries {
  readonly controller: () => Promise<{
    runController(options: {
      readonly home: string
      readonly foreground: boolean
      readonly logLevel?: LogLevel
      readonly logFormat?: 'human' | 'json'
    }): Promise<number>
  }>
  readonly doctor: () => Promise<{ examineHost(options: { readonly home: string }): Promise<readonly Finding[]> }>
  readonly ledger: () => Promise<{ ledgerFile(home: string): LedgerFile }>
  readonly sharedLedger: () => Promise<{ sharedHosts(home: string, env: CliContext['env']): Promise<LedgerHosts> }>
  readonly dashboard: () => Promise<{ runDashboard(options: DashboardPlace): Promise<number> }>
  readonly demo: () => Promise<{ runDemo(): Promise<number> }>
}

export interface DashboardPlace {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
}

/** The shape of `doctor --json`; the controller's own findings have it. */
export interface Finding {
  readonly subject: string
  readonly ok: boolean
  readonly found: string
  readonly hint?: string
}

export interface CliContext {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly entries: Entries
  /** Columns that a table may fill; unlimited when nobody looks. */
  readonly widthColumns: number
  readonly isColoured: boolean
  readonly nowMs: () => number
  /** A line of the result, on stdout. */
  readonly print: (line: string) => void
  /** A line about what happens, on stderr, marked as ours. */
  readonly tell: (line: string) => void
  /** Rings the terminal's bell, where there is one; it moves nothing on the screen. */
  readonly ring: () => void
  /** The exit code of the command that is running; 0 unless told. */
  readonly exit: (code: number) => void
}

export function createContext(entries: Entries, { home, exit }: Pick<CliContext, 'home' | 'exit'>): CliContext {
  const { stdout, stderr, env } = process
  // A program in the bottle may have put the terminal into raw mode, where a line feed does not return the carriage.
  const lineEnd = stderr.isTTY ? '\r\n' : '\n'
  const drawn = stdout.isTTY && !isUtf8(env) ? asciiOf : (line: string) => line
  return {
    home,
    env,
    cwd: process.cwd(),
    entries,
    widthColumns: stdout.isTTY ? stdout.columns : Number.POSITIVE_INFINITY,
    isColoured: isColoured(env, stdout.isTTY),
    nowMs: Date.now,
    print: (line) => stdout.write(`${drawn(line)}\n`),
    tell: (line) => stderr.write(`bot-bottle: ${inert(line)}${lineEnd}`),
    ring: () => {
      if (stderr.isTTY) stderr.write('\u0007')
    },
    exit,
  }
}
