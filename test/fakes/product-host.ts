/**
 * A user's host for tests of the whole product: a home, a workspace and a simulated provider of its own, and the real command
 * line as its own processes. Nothing of the user who runs the tests is read or written. Disposing ends everything that was
 * started, also when a test failed half-way, and fails when something of a bottle is left.
 */
import { readFileSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ControllerClient, connectController } from '../../src/controller/client.ts'
import { type ProviderProcess, startProviderProcess } from '../../src/demo/provider/provider-process.ts'
import { hostPaths } from '../../src/host/paths.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { isAlive } from '../../src/sandbox/bubblewrap/process-identity.ts'
import type { SandboxReference } from '../../src/sandbox/sandbox.ts'
import { type Command, type CommandEnd, type CommandOptions, startCommand } from './command.ts'
import { type TestUser, userCommand } from './test-user.ts'
import { until } from './until.ts'

export const realKey = 'sk-the-real-key-that-only-the-host-has'

const providerHosts = [
  'api.anthropic.com',
  'platform.claude.com',
  'api.openai.com',
  'chatgpt.com',
  'auth.openai.com',
  'generativelanguage.googleapis.com',
]

export interface ProductHostOptions {
  /** Flags of the simulated provider. */
  readonly provider?: readonly string[]
  /** Further lines of settings.yml. */
  readonly settings?: string
  /** Upstreams of settings.yml in place of the provider's. */
  readonly upstreams?: Readonly<Record<string, string>>
  readonly user?: TestUser
  /** The words before the arguments of `bot-bottle`, in place of this checkout's as that user. */
  readonly product?: readonly string[]
}

export interface CommandChanges {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly input?: NonNullable<CommandOptions['input']>
  /** Words in front of the command, e.g. those of `withoutTool`. */
  readonly within?: readonly string[]
}

export interface ProductHost extends AsyncDisposable {
  /** Holds everything else; its name is in the environment of whatever was started here. */
  readonly directory: string
  readonly home: string
  /** `$HOME`, which `home` is not in. */
  readonly userHome: string
  readonly workspace: string
  readonly provider: ProviderProcess
  /** Starts `bot-bottle ARGS`. */
  start(args: readonly string[], changes?: CommandChanges): Command
  /** Runs `bot-bottle ARGS` to its end. */
  run(args: readonly string[], changes?: CommandChanges): Promise<CommandEnd>
  /** What `bot-bottle ARGS --json` prints. Throws when it fails. */
  json<Shape>(args: readonly string[]): Promise<Shape>
  /** A client of the running controller. */
  client(): Promise<ControllerClient>
  writeSettings(further: string): Promise<void>
  /** Looks at the ledger itself. */
  inLedger<Result>(look: (ledger: Ledger) => Promise<Result>): Promise<Result>
  /** Processes that were started here and still run: controllers, command lines, launches, uncontained programs. */
  processes(): Promise<readonly string[]>
  /** Ids of bottles whose namespaces still exist. */
  livingSandboxes(): Promise<readonly string[]>
  /** What must not be there once every command has ended: all of the two above but a controller. */
  leftovers(): Promise<readonly string[]>
}

export async function openProductHost(options: ProductHostOptions = {}): Promise<ProductHost> {
  const { user } = options
  await using stack = new AsyncDisposableStack()
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'bot-bottle-host-')))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  await chmod(directory, 0o755)
  const home = join(directory, 'home')
  const userHome = join(directory, 'user')
  const workspace = join(directory, 'workspace')
  const own = async (path: string) => {
    if (user?.uid !== undefined) await chown(path, user.uid, user.uid)
  }
  for (const path of [home, userHome, workspace]) {
    await mkdir(path, { mode: 0o700 })
    await own(path)
  }
  const provider = stack.use(await startProviderProcess(['--credential', realKey, ...(options.provider ?? [])]))
  const upstreams = options.upstreams ?? {
    ...Object.fromEntries(providerHosts.map((name) => [name, `https://127.0.0.1:${provider.port}`])),
  }
  const writeSettings = async (further: string) => {
    const lines = Object.entries(upstreams).map(([host, url]) => `  ${host}: ${url}\n`)
    await writeFile(join(home, 'settings.yml'), `upstreams:\n${lines.join('')}upstream_ca: ca.pem\n${further}`)
  }
  await writeFile(join(home, 'ca.pem'), provider.caCertificate)
  await writeSettings(options.settings ?? '')

  const command = options.product ?? userCommand(directory, user)
  const environment = {
    PATH: process.env.PATH,
    HOME: userHome,
    BOT_BOTTLE_HOME: home,
    // Another user sees the sources elsewhere, and may not write there.
    ...(user?.uid === undefined && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
    ANTHROPIC_API_KEY: realKey,
    OPENAI_API_KEY: realKey,
  }
  const start: ProductHost['start'] = (args, { env = {}, cwd = workspace, input, within = [] } = {}) =>
    startCommand([...within, ...command, ...args], {
      env: { ...environment, ...env },
      cwd,
      ...(input !== undefined && { input }),
    })
  const run: ProductHost['run'] = (args, changes) => start(args, changes).ended
  const { databasePath } = hostPaths(home)
  const inLedger: ProductHost['inLedger'] = async (look) => {
    await using ledger = await openSqliteLedger({ path: databasePath, owner: 'test' })
    return await look(ledger)
  }
  const livingSandboxes = () =>
    inLedger(async (ledger) => {
      const rows = await ledger.bottles({ living: false })
      return rows.filter(({ reference }) => isRunning(reference)).map(({ id }) => id)
    })
  const processes = () => processesNaming(directory)
  stack.defer(async () => {
    for (const line of await processes()) process.kill(Number.parseInt(line, 10), 'SIGKILL')
    await until('every process of the host has ended', async () => (await processes()).length === 0)
  })
  stack.defer(async () => {
    if ((await processes()).length === 0) return
    await run(['controller', 'stop', '--force'])
  })
  const resources = stack.move()
  return {
    directory,
    home,
    userHome,
    workspace,
    provider,
    start,
    run,
    async json<Shape>(args: readonly string[]) {
      const { exitCode, stdout, stderr } = await run([...args, '--json'])
      if (exitCode !== 0) throw new Error(`bot-bottle ${args.join(' ')} --json: exit code ${exitCode}: ${stderr}`)
      return JSON.parse(stdout) as Shape
    },
    client: () => connectController({ home, start: false }),
    writeSettings,
    inLedger,
    processes,
    livingSandboxes,
    async leftovers() {
      const others = (await processes()).filter((line) => !line.includes(' controller run '))
      return [...others, ...(await livingSandboxes())]
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

function isRunning(reference: string): boolean {
  if (reference === '') return false
  const parsed = JSON.parse(reference) as SandboxReference
  return parsed.kind === 'bubblewrap' && isAlive(parsed)
}

/** `PID COMMAND` of every process that has the text in its command line or its environment. */
export async function processesNaming(text: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    const [line, environment] = ['cmdline', 'environ'].map((name) => readIfThere(`/proc/${pid}/${name}`))
    if (line?.includes(text) || environment?.includes(text)) found.push(`${pid} ${line?.replaceAll('\0', ' ')}`)
  }
  return found
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Gone, or another user's.
    return ''
  }
}
