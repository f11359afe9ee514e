/** The way of `--detach`: the bottle is left to a process in the background, and its id is printed. */
import type { CliContext } from '../context.ts'
import type { Holding } from '../hold-bottle.ts'
import type { RestartPolicy } from './restart.ts'
import { ownTerminalSize, startHolder } from './start-holder.ts'

export interface DetachOptions {
  /** The program gets a terminal of its own. */
  readonly tty: boolean
  readonly restart: RestartPolicy
}

/** Resolves to the exit code of the command once the program runs. */
export async function detach(context: CliContext, holding: Holding, { tty, restart }: DetachOptions): Promise<number> {
  const { client, started, signals, hostEnvironment } = holding
  const { id } = started.bottle
  const { home, env } = context
  try {
    if (signals.ending.aborted) throw signals.ending.reason
    const terminal = tty ? ownTerminalSize() : undefined
    await startHolder({ home, started, hostEnvironment, terminal, restart }, env)
  } catch (error) {
    await client.exit(id, { exitCode: 1 }).catch(() => undefined)
    if (signals.ending.aborted) return Number(signals.ending.reason)
    throw error
  }
  context.print(id)
  const look = tty ? `attach ${id}` : `logs -f ${id}`
  context.tell(`${id} runs in the background: bot-bottle ${look} shows it, kill ${id} ends it`)
  return 0
}
