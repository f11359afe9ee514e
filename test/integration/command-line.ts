/** Runs the command line as users do: its own process, its own home. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const mainPath = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface CommandEnd {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly home: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface StartedCommand {
  readonly child: ChildProcess
  readonly ended: Promise<CommandEnd>
}

export function startCommandLine(args: readonly string[], { home, cwd, env }: CommandOptions): StartedCommand {
  const child = spawn(process.execPath, [mainPath, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: home, BOT_BOTTLE_HOME: home, ...env },
    ...(cwd !== undefined && { cwd }),
  })
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[exitCode], stdout, stderr]) => ({ exitCode: exitCode as number | null, stdout, stderr }),
  )
  return { child, ended }
}

export function commandLine(args: readonly string[], options: CommandOptions): Promise<CommandEnd> {
  return startCommandLine(args, options).ended
}
