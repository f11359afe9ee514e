/** What a run of the fault harness stands on: a home, the provider's process, and controllers that are to be killed. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type HostPaths, hostPaths } from '../../src/host/paths.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import type { ServedExchange } from '../fakes/check-books.ts'
import { killIfThere, markProcess, processesMarked } from '../fakes/marked-processes.ts'
import type { KillPoint } from './kill-plan.ts'
import type { ProviderOrder, ProviderWord } from './provider-program.ts'

const mainPath = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const providerPath = fileURLToPath(new URL('./provider-program.ts', import.meta.url))
const faultPath = fileURLToPath(new URL('./ledger-fault.ts', import.meta.url))

const providerHosts = ['api.anthropic.com', 'api.openai.com', 'generativelanguage.googleapis.com']
const budgets = `budget:
  claude: [{limit: 1000000000000, period: day}, {limit: 1000000000000, period: month}]
  codex: {limit: 1000000000000, period: week, always: true}
`

export interface ControllerProcess {
  readonly pid: number
  /** False when it ended first. */
  readonly ready: Promise<boolean>
  readonly ended: Promise<void>
  readonly hasEnded: boolean
  readonly output: string
  kill(signal: NodeJS.Signals): void
}

export interface FaultHost extends AsyncDisposable {
  readonly paths: HostPaths
  startController(point?: KillPoint): ControllerProcess
  armProvider(order: Omit<ProviderOrder & { kind: 'arm' }, 'kind'>): void
  takeServed(): Promise<readonly ServedExchange[]>
  inLedger<Result>(look: (ledger: Ledger) => Promise<Result>): Promise<Result>
  /** `PID COMMAND` of every process that any of its controllers started, at whatever depth, and that still runs. */
  startedByControllers(): Promise<readonly string[]>
}

export async function openFaultHost(): Promise<FaultHost> {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'bot-bottle-faults-'))
  stack.defer(() => rm(home, { recursive: true, force: true }))
  const paths = hostPaths(home)
  const provider = fork(providerPath, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  stack.defer(() => endChild(provider))
  const ready = await wordOf(provider, 'ready')
  const upstreams = providerHosts.map((host) => `  ${host}: https://127.0.0.1:${ready.port}\n`).join('')
  await writeFile(join(home, 'ca.pem'), ready.caCertificate)
  await writeFile(paths.settingsPath, `upstreams:\n${upstreams}upstream_ca: ca.pem\n${budgets}`)
  await mkdir(join(home, 'bottles'))
  await writeFile(join(home, 'bottles/load.md'), '---\nagent_provider: [claude, codex, gemini]\n---\n')

  const mark = 100 + (process.pid % 800)
  const startController = (point?: KillPoint): ControllerProcess => {
    const child = spawn(process.execPath, [mainPath, 'controller', 'run'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: home,
        BOT_BOTTLE_HOME: home,
        NODE_COMPILE_CACHE: join(home, 'compile-cache'),
        NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import=${faultPath}`,
        ...(point?.kind === 'ledger' && { BOT_BOTTLE_LEDGER_FAULT: `${point.place}:${point.count}` }),
      },
    })
    if (child.pid !== undefined) markProcess(child.pid, mark)
    return controllerProcess(child)
  }
  stack.defer(async () => {
    for (const line of await processesMarked(mark)) killIfThere(Number.parseInt(line, 10))
  })
  const resources = stack.move()
  return {
    paths,
    startController,
    armProvider: (order) => void provider.send({ kind: 'arm', ...order } satisfies ProviderOrder),
    async takeServed() {
      const answer = wordOf(provider, 'served')
      provider.send({ kind: 'take' } satisfies ProviderOrder)
      return (await answer).exchanges
    },
    async inLedger(look) {
      await using ledger = await openSqliteLedger({ path: paths.databasePath, owner: 'harness' })
      return await look(ledger)
    },
    startedByControllers: () => processesMarked(mark),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

function controllerProcess(child: ChildProcess): ControllerProcess {
  const readiness = Promise.withResolvers<boolean>()
  let output = ''
  let hasEnded = false
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes('is ready')) readiness.resolve(true)
    })
  }
  const ended = once(child, 'close').then(() => {
    hasEnded = true
    readiness.resolve(false)
  })
  return {
    pid: child.pid ?? 0,
    ready: readiness.promise,
    ended,
    get hasEnded() {
      return hasEnded
    },
    get output() {
      return output
    },
    kill: (signal) => void child.kill(signal),
  }
}

async function wordOf<Kind extends ProviderWord['kind']>(provider: ChildProcess, kind: Kind) {
  const [word] = (await once(provider, 'message')) as [ProviderWord]
  if (word.kind !== kind) throw new Error(`the provider said ${word.kind}, not ${kind}`)
  return word as ProviderWord & { readonly kind: Kind }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
