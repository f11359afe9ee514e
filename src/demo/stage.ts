/** Sets the stage of the demo in a temporary directory, and clears it away: provider, home, controller, workspace, bottle. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StartedBottle } from '../controller/api.ts'
import { type ControllerClient, connectController } from '../controller/client.ts'
import { stopController } from '../controller/client-stop.ts'
import { BottleError } from '../core/errors.ts'
import type { SandboxName } from '../sandbox/sandbox.ts'
import { codingJobFiles } from './provider/coding-job-files.ts'
import { type ProviderProcess, startProviderProcess } from './provider/provider-process.ts'

export interface Stage extends AsyncDisposable {
  readonly client: ControllerClient
  readonly provider: ProviderProcess
  readonly started: StartedBottle
  readonly budgetTokens: number
  /** Why the bottle is not contained; absent where it is. */
  readonly withoutNamespaces: string | undefined
}

/** Lies inside the sixth turn's answer, so that the cut comes in mid-stream after warnings. */
const budgetTokens = 11_400
const simulatedKey = 'sk-ant-the-real-key-that-only-the-host-has'
const task = 'Port the INI parser in ini.py to JavaScript (ini.js), and write tests for it.'
const deltaIntervalMs = 15

export async function openStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-demo-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const provider = stack.use(
    await startProviderProcess([
      ...['--script', 'coding-job', '--delta-interval-ms', String(deltaIntervalMs), '--credential', simulatedKey],
    ]),
  )
  const home = join(directory, 'home')
  const workspace = join(directory, 'workspace')
  await writeSettings(home, provider)
  await writeFiles(workspace)
  const client = await connectController({ home, start: true })
  stack.defer(() => stopController(client, { force: true }))
  const { started, withoutNamespaces } = await startContained(client, workspace)
  const resources = stack.move()
  return {
    client,
    provider,
    started,
    budgetTokens,
    withoutNamespaces,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** In namespaces where the host allows them, and where it does not, openly without. */
async function startContained(
  client: ControllerClient,
  workspace: string,
): Promise<{ readonly started: StartedBottle; readonly withoutNamespaces: string | undefined }> {
  try {
    return { started: await start(client, { workspace, sandbox: 'bubblewrap' }), withoutNamespaces: undefined }
  } catch (error) {
    if (!(error instanceof BottleError) || error.code !== 'sandbox_unavailable') throw error
    const started = await start(client, { workspace, sandbox: 'none' })
    return { started, withoutNamespaces: error.message }
  }
}

function start(
  client: ControllerClient,
  { workspace, sandbox }: { readonly workspace: string; readonly sandbox: SandboxName },
): Promise<StartedBottle> {
  const agent = fileURLToPath(new URL(`./agent${extname(import.meta.url)}`, import.meta.url))
  return client.start({
    agent: null,
    definitions: ['claude'],
    command: [process.execPath, agent, task],
    workspace: { kind: 'direct', path: workspace },
    readOnlyPaths: [agent, ...packagePaths()],
    budgets: [{ provider: 'claude', limitTokens: budgetTokens }],
    policy: 'cutoff',
    sandbox,
    hostEnvironment: { ANTHROPIC_API_KEY: simulatedKey },
    env: {},
    projectPath: null,
    terminalEnvironment: {},
  })
}

/** What the agent's imports need: the packages, and the package.json that says that .js files are modules. */
function packagePaths(): readonly string[] {
  const sdk = fileURLToPath(import.meta.resolve('@anthropic-ai/sdk'))
  const modules = sdk.slice(0, sdk.indexOf('/node_modules/') + '/node_modules'.length)
  return [modules, fileURLToPath(new URL('../../package.json', import.meta.url))]
}

async function writeSettings(home: string, { port, caCertificate }: ProviderProcess): Promise<void> {
  await mkdir(home, { mode: 0o700 })
  await writeFile(join(home, 'ca.pem'), caCertificate)
  await writeFile(
    join(home, 'settings.yml'),
    `upstreams:\n  api.anthropic.com: https://127.0.0.1:${port}\nupstream_ca: ca.pem\n`,
  )
}

async function writeFiles(workspace: string): Promise<void> {
  for (const [name, content] of Object.entries(codingJobFiles)) {
    const path = join(workspace, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}
