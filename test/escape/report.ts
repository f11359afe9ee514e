/** What the process that opens a bottle is asked, and what it tells (test/escape only). */
import type { Limits } from '../../src/core/limits/limits.ts'
import type { Workspace } from '../../src/sandbox/sandbox.ts'

export interface BottleJob {
  readonly backend: 'bubblewrap' | 'none'
  readonly directory: string
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  readonly workspace: Workspace
  readonly readOnlyPaths: readonly string[]
  readonly homeFiles: Readonly<Record<string, string>>
  readonly limits: Limits
  readonly nestedSandbox: boolean
  /** `exit`: the program ends by itself. `ready`: the bottle is killed once the program has said "ready". */
  readonly until: 'exit' | 'ready'
  /** Runs the program at a terminal and types Ctrl-C there once it has said "ready". */
  readonly interrupt: boolean
  /** Stops the outermost process of the launch before the kill, as Ctrl-Z does. */
  readonly stopLaunch: boolean
  /** A word in the arguments of the bottle's processes, by which the host finds survivors. */
  readonly token: string
}

export interface BottleReport {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  readonly connections: readonly Connection[]
  readonly openMs: number
  readonly killMs: number
  /** Processes of the bottle just before the kill, and after it. */
  readonly processesBefore: number
  readonly processesAfter: number
  readonly workspacePath: string
}

export interface Connection {
  readonly listener: string
  readonly localAddress: string
  readonly localPort: number
  readonly firstBytes: string
}
