/**
 * `node scripts/picture.mjs [WORDS OF A COMMAND]` makes docs/dashboard.svg of a real run: bottles whose agents ask the simulated provider,
 * one of which has spent its budget, and the command's screen in a real terminal (tmux), `dashboard` unless another is named.
 */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { modelCallInShell } from '../test/fakes/model-call.ts'
import { openProductHost } from '../test/fakes/product-host.ts'
import { until } from '../test/fakes/until.ts'
import { terminalSvg } from './picture/terminal-svg.mjs'
import { root } from './setup/step.mjs'

const run = promisify(execFile)
const patienceMs = 120_000
const columns = 118
const rows = 22
const agents = { reviewer: 90_000, migrate: 40_000, docs: 9_000, tests: 60_000 }

await using host = await openProductHost({
  provider: ['--output-tokens', '4000', '--delta-interval-ms', '15'],
  settings: 'budget: {claude: {limit: 200000, period: month}, codex: {limit: 50000, period: day}}\n',
})
for (const folder of ['bottles', 'agents']) await mkdir(join(host.home, folder))
await writeFile(join(host.home, 'bottles/web.md'), '---\nextends: claude\n---\n')
const loop = `while true; do ${modelCallInShell({ prompt: 'go on' })} > /dev/null; sleep 1; done`
await writeFile(join(host.workspace, 'work'), `#!/bin/sh\n${loop}\n`, { mode: 0o755 })
for (const [name, limit] of Object.entries(agents)) {
  const file = `---\nbottle: web\ncommand: [/bin/sh, work]\nbudget: {claude: ${limit}}\n---\n`
  await writeFile(join(host.home, 'agents', `${name}.md`), file)
  host.start(['start', name, '--workspace', 'copy'])
}
host.start([
  'run',
  '--bottle',
  'codex',
  '--',
  'sh',
  '-c',
  `${modelCallInShell({ provider: 'codex' })} > /dev/null; sleep 600`,
])
await until('the budget of docs is spent', async () => / cut/.test((await host.run(['ps'])).stdout), patienceMs)
await delay(30_000)

const words = process.argv.length > 2 ? process.argv.slice(2) : ['dashboard']
const product = [process.execPath, join(root, 'src/main.ts')].map((word) => `'${word}'`).join(' ')
const environment = {
  BOT_BOTTLE_HOME: host.home,
  HOME: host.userHome,
  TERM: 'xterm-256color',
  LC_ALL: 'C.UTF-8',
  COLORTERM: '',
}
const socket = join(host.directory, 'tmux')
const tmux = async (...args) =>
  (await run('tmux', ['-S', socket, '-f', '/dev/null', ...args], { env: { ...process.env, ...environment } })).stdout
try {
  const shown = words.map((command) => `${product} ${command}`).join('; echo; ')
  await tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), `${shown}; sleep 600`)
  await delay(8_000)
  const screen = await tmux('capture-pane', '-e', '-p')
  await writeFile(
    join(root, 'docs/dashboard.svg'),
    terminalSvg(screen, { columns, title: `bot-bottle ${words.join(', ')}` }),
  )
} finally {
  await tmux('kill-server')
}
