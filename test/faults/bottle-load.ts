/** A bottle of the fault harness with its program, started through the controller as the command line does it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ControllerClient } from '../../src/controller/client.ts'
import type { SeenExchange } from '../fakes/load-clients.ts'
import type { BottleLoad } from './kill-plan.ts'

const programPaths = ['load-program.ts', 'load-clients.ts', 'seeded-random.ts'].map((file) =>
  fileURLToPath(new URL(`../fakes/${file}`, import.meta.url)),
)
const [programPath = ''] = programPaths
const key = 'sk-of-the-fault-harness'

export interface RunningLoad {
  /** Kills the program and resolves when it is gone. */
  end(): Promise<void>
}

export interface LoadOptions {
  readonly client: ControllerClient
  /** Begins the name of every exchange. */
  readonly name: string
  readonly load: BottleLoad
  onSeen(exchange: SeenExchange): void
  /** Until it aborts the bottle is held. */
  readonly signal: AbortSignal
}

/** Rejects when the controller does not start it, for one because it was killed. */
export async function startLoad({ client, name, load, onSeen, signal }: LoadOptions): Promise<RunningLoad> {
  const { launch, bottle } = await client.start({
    agent: null,
    definitions: ['load'],
    command: [process.execPath, programPath, String(load.lanes), String(load.seed), name],
    workspace: { kind: 'none' },
    readOnlyPaths: programPaths,
    budgets: [{ provider: 'claude', limitTokens: load.limitTokens }],
    policy: load.policy,
    sandbox: load.sandbox,
    hostEnvironment: { ANTHROPIC_API_KEY: key, OPENAI_API_KEY: key, GEMINI_API_KEY: key },
    env: {},
    projectPath: null,
    terminalEnvironment: {},
  })
  const session = await client.session(bottle.id, signal)
  void hold(session)
  const { file, args, env, cwd } = launch
  const child = spawn(file, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'ignore'] })
  createInterface({ input: child.stdout }).on('line', (line) => onSeen(JSON.parse(line) as SeenExchange))
  return { end: () => endProgram(child) }
}

/** Until it ends, as it does with its controller. */
async function hold(session: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _event of session);
  } catch {
    // Its controller was killed.
  }
}

async function endProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}
