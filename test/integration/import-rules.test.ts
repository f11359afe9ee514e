/** The table of DESIGN §4 as the linter enforces it: files with these imports are linted in a tree of the test's own. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Importing file → what it imports. Each must be refused. */
const refused: readonly (readonly [string, string])[] = [
  ['src/core/budget/a.ts', 'node:fs'],
  ['src/core/a.ts', 'commander'],
  ['src/core/a.ts', '@peculiar/x509'],
  ['src/core/budget/a.ts', '../../host/paths.ts'],
  ['src/core/a.ts', '../ledger/ledger.ts'],
  ['src/core/a.ts', '../sandbox/sandbox.ts'],
  ['src/host/a.ts', '../controller/api.ts'],
  ['src/ledger/sqlite/a.ts', '../../proxy/egress.ts'],
  ['src/ledger/a.ts', '../sandbox/sandbox.ts'],
  ['src/sandbox/bubblewrap/a.ts', '../../ledger/ledger.ts'],
  ['src/sandbox/a.ts', '../controller/api.ts'],
  ['src/gitgate/a.ts', '../ledger/ledger.ts'],
  ['src/proxy/a.ts', '../ledger/sqlite/open.ts'],
  ['src/proxy/a.ts', '../sandbox/bubblewrap/bubblewrap.ts'],
  ['src/proxy/a.ts', '../controller/api.ts'],
  ['src/enforce/a.ts', '../host/paths.ts'],
  ['src/enforce/a.ts', '../proxy/bottle-proxy.ts'],
  ['src/enforce/a.ts', '../sandbox/bubblewrap/bubblewrap.ts'],
  ['src/controller/a.ts', '../cli/table.ts'],
  ['src/controller/a.ts', '../demo/demo.ts'],
  ['src/cli/commands/a.ts', '../../controller/controller.ts'],
  ['src/cli/a.ts', '../controller/client-transport.ts'],
  ['src/cli/a.ts', '../ledger/ledger.ts'],
  ['src/cli/a.ts', '../sandbox/sandbox.ts'],
  ['src/cli/a.ts', '../demo/demo.ts'],
  ['src/dashboard/a.ts', '../controller/server.ts'],
  ['src/supervise/a.ts', '../enforce/cut.ts'],
  ['src/demo/a.ts', '../controller/controller.ts'],
  ['src/demo/a.ts', '../proxy/egress.ts'],
  ['src/demo/a.ts', '../ledger/ledger.ts'],
  ['src/demo/provider/a.ts', '../../controller/client.ts'],
  ['src/demo/provider/a.ts', '../../core/errors.ts'],
  ['src/demo/provider/a.ts', '../stage.ts'],
  ['src/demo/agent.ts', '../core/errors.ts'],
  ['src/main.ts', './controller/controller.ts'],
  ['src/main.ts', './cli/commands/start.ts'],
  ['src/main.ts', './ledger/ledger.ts'],
]

/** Each must pass. */
const allowed: readonly (readonly [string, string])[] = [
  ['src/core/budget/a.ts', '../errors.ts'],
  ['src/core/manifest/a.ts', 'yaml'],
  ['src/core/a.test.ts', 'node:fs'],
  ['src/core/provider/a.ts', './provider.ts'],
  ['src/host/a.ts', '../core/errors.ts'],
  ['src/ledger/sqlite/a.ts', '../ledger.ts'],
  ['src/ledger/a.ts', '../host/paths.ts'],
  ['src/sandbox/bubblewrap/a.ts', '../sandbox.ts'],
  ['src/proxy/a.ts', '../ledger/ledger.ts'],
  ['src/proxy/a.ts', '../sandbox/sandbox.ts'],
  ['src/enforce/a.ts', '../ledger/ledger.ts'],
  ['src/enforce/a.ts', '../sandbox/sandbox.ts'],
  ['src/controller/a.ts', '../ledger/sqlite/open.ts'],
  ['src/controller/a.ts', '../proxy/egress.ts'],
  ['src/cli/commands/a.ts', '../../controller/client.ts'],
  ['src/cli/a.ts', '../controller/client-stop.ts'],
  ['src/cli/a.ts', '../controller/api.ts'],
  ['src/cli/a.ts', '../core/errors.ts'],
  ['src/cli/a.ts', '../sandbox/layers/list-changes.ts'],
  ['src/dashboard/a.ts', '../controller/client.ts'],
  ['src/demo/a.ts', '../controller/client.ts'],
  ['src/demo/a.ts', './provider/main.ts'],
  ['src/demo/provider/a.ts', './tokens.ts'],
  ['src/demo/provider/a.ts', '../../core/metering/usage.ts'],
  ['src/demo/agent.ts', '@anthropic-ai/sdk'],
  ['src/main.ts', './cli/cli.ts'],
  ['src/main.ts', './controller/main.ts'],
]

/** `FILE:LINE` → the linter's message. */
const found = new Map<string, string>()

/** Two lines per case, in the order of the cases of a file: a static and a lazy import. */
const linesByFile = new Map<string, string[]>()
const firstLines = new Map<string, number>()
for (const [file, specifier] of [...refused, ...allowed]) {
  const lines = linesByFile.get(file) ?? []
  firstLines.set(`${file} ${specifier}`, lines.length + 1)
  lines.push(`import * as it${lines.length} from '${specifier}'`, `void import('${specifier}')`)
  linesByFile.set(file, lines)
}

beforeAll(async () => {
  const tree = await mkdtemp(join(tmpdir(), 'bot-bottle-imports-'))
  try {
    await copyFile(join(root, 'biome.json'), join(tree, 'biome.json'))
    for (const [file, lines] of linesByFile) {
      await mkdir(dirname(join(tree, file)), { recursive: true })
      await writeFile(join(tree, file), `${lines.join('\n')}\n`)
    }
    const only = '--only=style/noRestrictedImports'
    const args = ['lint', '--vcs-enabled=false', '--reporter=json', '--max-diagnostics=none', only, '.']
    // Exits with 1 since it finds what is wrong; what it says is what counts.
    const { stdout } = await promisify(execFile)(join(root, 'node_modules/.bin/biome'), args, { cwd: tree }).catch(
      (error: { readonly stdout: string }) => error,
    )
    const report = JSON.parse(stdout) as { readonly diagnostics: readonly Diagnostic[] }
    for (const { message, location } of report.diagnostics)
      found.set(`${location.path}:${location.start.line}`, message)
  } finally {
    await rm(tree, { recursive: true })
  }
})

interface Diagnostic {
  readonly message: string
  readonly location: { readonly path: string; readonly start: { readonly line: number } }
}

function messagesFor(file: string, specifier: string): readonly (string | undefined)[] {
  const line = firstLines.get(`${file} ${specifier}`) ?? 0
  return [found.get(`${file}:${line}`), found.get(`${file}:${line + 1}`)]
}

test.each(refused)('%s must not import %s, lazily neither', (file, specifier) => {
  const telling = expect.stringContaining('(DESIGN §4)')
  expect(messagesFor(file, specifier)).toEqual([telling, telling])
})

test.each(allowed)('%s may import %s', (file, specifier) => {
  expect(messagesFor(file, specifier)).toEqual([undefined, undefined])
})
