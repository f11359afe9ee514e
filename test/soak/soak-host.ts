/** A host of the soak: the product's own command line as one user, every process of which bears a mark. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from '../fakes/command.ts'
import { marked, processesMarked } from '../fakes/marked-processes.ts'
import { openProductHost, type ProductHost, realKey } from '../fakes/product-host.ts'
import { type TestUser, visiblePaths } from '../fakes/test-user.ts'

export interface SoakHost extends AsyncDisposable {
  readonly title: string
  readonly product: ProductHost
  /** Of whatever its processes put into the folder for temporary files. */
  readonly temporaryPath: string
  /** Words of the program that asks, up to its names. */
  program(lanes: number, seed: number): readonly string[]
  /** Paths that a bottle must show for it. */
  readonly programPaths: readonly string[]
  start(args: readonly string[]): Command
  /** `PID COMMAND` of whatever was started here, at whatever depth, and still runs. */
  processes(): Promise<readonly string[]>
  controllerPids(): Promise<readonly number[]>
}

const settings = `budget:
  claude: [{limit: 1000000000000, period: day}, {limit: 1000000000000, period: month}]
  codex: {limit: 1000000000000, period: week, always: true}
`
const programFiles = [
  'soak/soak-program.ts',
  'fakes/load-program.ts',
  'fakes/load-clients.ts',
  'fakes/seeded-random.ts',
]

export async function openSoakHost(user: TestUser): Promise<SoakHost> {
  await using stack = new AsyncDisposableStack()
  const provider = ['--output-tokens', '700', '--tokens-per-delta', '16', '--delta-interval-ms', '20']
  const product = stack.use(await openProductHost({ user, provider, settings }))
  await mkdir(join(product.home, 'bottles'))
  await writeFile(
    join(product.home, 'bottles/load.md'),
    '---\nagent_provider: [claude, codex, gemini]\nlimits: {memory: 512MiB, processes: 64}\n---\n',
  )
  const temporaryPath = join(product.directory, 'temporary')
  await mkdir(temporaryPath)
  await chmod(temporaryPath, 0o1777)
  const mark = 100 + ((process.pid + (user.uid ?? 0)) % 800)
  const { checkoutPath, nodePath } = visiblePaths(product.directory, user)
  const programPaths = programFiles.map((file) => join(checkoutPath, 'test', file))
  const [programPath = ''] = programPaths
  const processes = () => processesMarked(mark)
  const resources = stack.move()
  return {
    title: user.title,
    product,
    temporaryPath,
    programPaths,
    program: (lanes, seed) => [nodePath, programPath, String(lanes), String(seed)],
    start: (args) =>
      product.start(args, { within: marked(mark), env: { TMPDIR: temporaryPath, GEMINI_API_KEY: realKey } }),
    processes,
    controllerPids: async () =>
      (await processes()).filter((line) => isController.test(line)).map((line) => Number.parseInt(line, 10)),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** One that still is the shell which starts it cannot be told to end yet. */
export const isController = /^\d+ \S*node\S* \S+ controller run/
