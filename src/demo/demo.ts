/**
 * The main job on a stage of its own: an agent works in a bottle, its tokens are metered as they flow, and it is cut in the
 * middle of a stream. Everything is real but the provider, which is simulated on loopback; nothing is left behind.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'
import type { StartedBottle } from '../controller/api.ts'
import { followEvents } from './follow-events.ts'
import { showBooks } from './show-books.ts'
import { openStage, type Stage } from './stage.ts'

export interface DemoOutput {
  print(line: string): void
}

const howToGoOn = `
The real thing, with your own agent and key (the bottle never sees the key):

  cd your-project
  ANTHROPIC_API_KEY=… bot-bottle start claude --budget 200000
  OPENAI_API_KEY=…    bot-bottle start codex --budget 200000
  bot-bottle run --bottle claude --budget 50000 -- node your-agent.js`

const inCheckout = '\nIn a checkout, bot-bottle is: node dist/main.js'

/** Resolves to the exit code: 0 when everything went as the demo says it does. */
export async function runDemo(
  { print }: DemoOutput = { print: (line) => void process.stdout.write(`${line}\n`) },
): Promise<number> {
  const interrupted = new AbortController()
  const onSignal = (signal: NodeJS.Signals) => interrupted.abort(128 + constants.signals[signal])
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, onSignal)
  try {
    await using stage = await openStage()
    print(openingLine(stage))
    print(`
A small agent, written with the official @anthropic-ai/sdk, works on a coding job in bottle ${stage.started.bottle.id}.
It knows of no proxy and no budget. Its budget is ${stage.budgetTokens.toLocaleString('en-US')} tokens.
`)
    const isAsPromised = await play(stage, { print, signal: interrupted.signal })
    if (interrupted.signal.aborted) return Number(interrupted.signal.reason)
    print(howToGoOn)
    if (!import.meta.url.includes('/node_modules/')) print(inCheckout)
    return isAsPromised ? 0 : 1
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal)
  }
}

function openingLine({ withoutNamespaces }: Stage): string {
  const provider = 'The provider is SIMULATED: a process on loopback that speaks the real protocols and asks no model.'
  if (withoutNamespaces === undefined) return provider
  return `This host allows no namespaces (${withoutNamespaces}): the same show with --sandbox none, metered but NOT contained.\n${provider}`
}

async function play(stage: Stage, { print, signal }: DemoOutput & { readonly signal: AbortSignal }): Promise<boolean> {
  const { client, started, budgetTokens } = stage
  const listening = new AbortController()
  const events = await client.session(started.bottle.id, AbortSignal.any([signal, listening.signal]))
  const following = followEvents(events, { print, budgetTokens })
  const exitCode = await runAgent(started, { print, signal })
  await client.exit(started.bottle.id, { exitCode })
  listening.abort()
  const seen = await following
  if (signal.aborted) return false
  const isBalanced = await showBooks(stage, { print })
  const isAsPromised = exitCode === 1 && seen.warnings > 0 && seen.cuts === 1 && isBalanced
  if (!isAsPromised) print('\nThis is NOT how the demo should go: please report it with the output above.')
  return isAsPromised
}

/** Starts the program as the CLI does, with its output shown. */
async function runAgent(
  { launch }: StartedBottle,
  { print, signal }: DemoOutput & { readonly signal: AbortSignal },
): Promise<number> {
  const child = spawn(launch.file, launch.args, {
    cwd: launch.cwd,
    env: { ...launch.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop)
  createInterface({ input: child.stdout }).on('line', (line) => print(`  agent │ ${line}`))
  const [code] = (await once(child, 'close')) as [number | null]
  signal.removeEventListener('abort', stop)
  return code ?? 1
}
