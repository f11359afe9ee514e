/** The dashboard in a real terminal, on a real controller with bottles that stream. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuditEntry } from '../../src/ledger/ledger.ts'
import { typed } from '../fakes/command.ts'
import { answerFlows, modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost, realKey } from '../fakes/product-host.ts'
import { checkout } from '../fakes/test-user.ts'
import { openTmux, type Tmux } from '../fakes/tmux.ts'
import { until } from '../fakes/until.ts'

let host: ProductHost
let tmux: Tmux

const dashboard = `'${process.execPath}' '${join(checkout, 'src/main.ts')}' dashboard; echo code $?`

beforeAll(async () => {
  host = await openProductHost({
    provider: ['--output-tokens', '100000', '--delta-interval-ms', '20'],
    settings: 'budget: {claude: 900000}\n',
  })
  await mkdir(join(host.home, 'bottles'))
  await writeFile(
    join(host.home, 'bottles', 'web.md'),
    '---\nextends: claude\nbudget: {claude: {limit: 400000, period: day}}\n---\n',
  )
  const env = {
    ...{ PATH: process.env.PATH ?? '', HOME: host.userHome, BOT_BOTTLE_HOME: host.home, TERM: 'xterm-256color' },
    ANTHROPIC_API_KEY: realKey,
  }
  tmux = await openTmux({ columns: 80, rows: 24, directory: host.directory, env })
})
afterAll(async () => {
  await tmux[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})

/** A bottle whose one call streams for as long as it may, and whose program goes on when it is cut. */
async function streaming(definition: string): Promise<string> {
  const script = `${modelCallInShell()}; sleep 600`
  const words = ['run', '--bottle', definition, '--workspace', 'none', '--', 'sh', '-c', script]
  await host.start(words, { input: typed }).said(answerFlows)
  const [newest] = await (await host.client()).bottles()
  return newest?.id ?? ''
}
const stateOf = async (id: string) => (await (await host.client()).bottle(id)).state
const dashboardPid = async () => {
  const lines = (await host.processes()).filter((line) => line.includes('main.ts dashboard'))
  expect(lines).toHaveLength(1)
  return Number.parseInt(lines[0] ?? '', 10)
}
const isRestored = async () => [await tmux.value('alternate_on'), await tmux.value('cursor_flag')]

test('says in one line where it has no terminal, with exit code 2', async () => {
  const { exitCode, stdout, stderr } = await host.run(['dashboard'])
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr).toMatch(/^bot-bottle: the dashboard needs a terminal, and .* is none\n {2}hint: .*\n$/)
})

test('waits for a controller, shows its bottles as they stream, and acts on them by keys', async () => {
  await tmux.press(dashboard, 'Enter')
  await tmux.shows(/no controller is running/)
  const first = await streaming('claude')
  const second = await streaming('web')
  await tmux.shows(new RegExp(`● +${first} +running .*\\n.*`))
  await tmux.shows(/2 streams · [1-9]/)

  // Search leaves the one; cutting it is a key.
  await tmux.press('/', first, 'Enter')
  await tmux.shows(new RegExp(`▸ ● +${first} `))
  expect((await tmux.screen()).join('\n')).not.toContain(second)
  await tmux.press('c')
  await tmux.shows(new RegExp(`▸ ! +${first} +cut off`))
  expect(await stateOf(first)).toBe('cut')
  await tmux.press('r')
  await tmux.shows(new RegExp(`▸ · +${first} +running`))
  expect(await stateOf(first)).toBe('running')

  // A kill is asked about by name, and done for nothing but y.
  await tmux.press('x')
  await tmux.shows(new RegExp(`Kill ${first}, .*\\(y/n\\)`))
  await tmux.press('n')
  await tmux.shows(/c cut off/)
  expect(await stateOf(first)).toBe('running')
  await tmux.press('x', 'y')
  await tmux.shows(new RegExp(`${first} +killed`))
  expect(await stateOf(first)).toBe('killed')

  const audit = await host.json<readonly AuditEntry[]>(['audit'])
  expect(audit.filter(({ phase }) => phase === 'done').map(({ action, trigger }) => [action, trigger])).toEqual([
    ['cutoff', 'operator'],
    ['restore', 'operator'],
    ['kill', 'operator'],
  ])
  await tmux.press('3')
  await tmux.shows(new RegExp(`▸ .* ${first} +kill +operator +done`))

  // The budget that governs the other one is raised, for all that it holds for.
  await tmux.press('1', 'Escape')
  await tmux.shows(new RegExp(`▸ ● +${second} `))
  await tmux.press('b')
  await tmux.shows(/Limit of bottle:web \(claude, now 400.000,/)
  await tmux.press('700000', 'Enter')
  await tmux.shows(/budget of bottle:web is 700000 tokens now/)
  await tmux.press('2')
  await tmux.shows(/bottle:web +claude +day .* 700k/)
  const budgets = await (await host.client()).budgets()
  expect(budgets.find(({ scope }) => scope === 'bottle:web')).toMatchObject({
    limitTokens: 700_000,
    origin: 'operator',
  })

  // On a larger terminal there is more to see; on leaving, all is as it was.
  await tmux.resize(160, 48)
  await tmux.shows(/LAST HOUR/)
  await tmux.press('1', 'Enter')
  await tmux.shows(/\[exchanges\]/)
  await tmux.press('Left', 'Left', 'Left')
  await tmux.shows(/\[processes\](?:.*\n)+.* MiB {2}curl -sSN https:\/\/api\.anthropic\.com/)
  await tmux.press('q')
  await tmux.shows(/code 0\n\$/)
  expect(await isRestored()).toEqual(['0', '1'])
})

test('waits for the next controller when its own is killed, and leaves the terminal as it was when it is ended by a signal', async () => {
  await tmux.press('clear', 'Enter')
  await tmux.press(dashboard, 'Enter')
  await tmux.shows(/● live/)
  const { pid } = await (await host.client()).status()
  process.kill(pid, 'SIGKILL')
  await tmux.shows(/! lost for \d+ s/)
  await until('the next controller runs', async () => {
    return host.client().then(
      () => true,
      () => false,
    )
  })
  await tmux.shows(/● live/)

  process.kill(await dashboardPid(), 'SIGTERM')
  await tmux.shows(/code 143\n\$/)
  expect(await isRestored()).toEqual(['0', '1'])
  // What is typed is seen, and a line is a line: the terminal is not raw.
  await tmux.press('stty -a | grep -o "[-]*icanon\\|[-]*echo "', 'Enter')
  await tmux.shows(/\nicanon\necho/)
})

test('leaves the terminal as it was when it fails, and says why', async () => {
  const failing = "data:text/javascript,process.on('SIGUSR2',()=>{throw Error('a bug')})"
  await tmux.press('clear', 'Enter')
  await tmux.press(
    `'${process.execPath}' --import "${failing}" ${dashboard.slice(dashboard.indexOf(' ') + 1)}`,
    'Enter',
  )
  await tmux.shows(/q quit/)
  process.kill(await dashboardPid(), 'SIGUSR2')
  await tmux.shows(/a bug\n(?:.*\n)*code 1\n\$/)
  expect(await isRestored()).toEqual(['0', '1'])
})

test('shows what a bottle in the background prints, and freezes and resumes it there', async () => {
  const words = [
    'run',
    '--detach',
    '--bottle',
    'web',
    '--',
    'sh',
    '-c',
    'printf "\\033[31mred\\007 words\\n"; sleep 600',
  ]
  expect(await host.run(words)).toMatchObject({ exitCode: 0 })
  const [id = ''] = (await (await host.client()).bottles()).filter(({ detached }) => detached).map((one) => one.id)
  await tmux.press('clear', 'Enter')
  await tmux.press(dashboard, 'Enter')
  await tmux.shows(/● live/)
  await tmux.press('/', id, 'Enter')
  await tmux.shows(new RegExp(`▸ · +${id} +running`))
  await tmux.press('Enter', 'Left', 'Left')
  await tmux.shows(/\[log\](?:.*\n)+ *red.* words/)
  await tmux.press('f')
  await tmux.shows(new RegExp(`Freeze ${id}\\?`))
  await tmux.press('y')
  await tmux.shows(new RegExp(`${id} is frozen`))
  await tmux.press('u')
  await tmux.shows(new RegExp(`${id} goes on in the background`))
  expect(await stateOf(id)).toBe('running')
  await tmux.press('q')
  await tmux.shows(/code 0\n\$/)
})
