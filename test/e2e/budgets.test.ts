/** Budgets as settings define them: periods, `always`, limits that change while bottles run. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import { typed } from '../fakes/command.ts'
import { answerFlows, modelCall, modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { until } from '../fakes/until.ts'

const inBottle = (options: readonly string[], ...words: readonly string[]) => [
  ...['run', '--bottle', 'claude', '--workspace', 'none', ...options, '--'],
  ...words,
]
const bottles = (host: ProductHost) => host.json<readonly BottleView[]>(['ps'])
const answers = (tokens: number) => ['--output-tokens', String(tokens)]

test.concurrent('a budget for a month says when it resets, and is what restore measures', async () => {
  await using host = await openProductHost({
    provider: answers(2_000),
    settings: 'budget: {claude: 1000}\nperiod: month\n',
  })
  const command = host.start(inBottle([], 'sh', '-c', `${modelCallInShell()}; read go`), { input: typed })
  const reset = /\(this host, per month\): 1,\d+ of 1,000 claude tokens used\. It resets at \d{4}-\d\d-01 00:00 UTC\./
  await command.said(reset)
  await until('the bottle is cut', async () => (await bottles(host))[0]?.state === 'cut')
  const [bottle] = await bottles(host)
  expect(bottle?.budgets).toMatchObject([{ scope: 'host', period: expect.stringMatching(/^month:\d{4}-\d\d$/) }])
  expect((await host.run(['ps'])).stdout).toMatch(/claude: 1\D\d+ of 1\D000 \(this host, per month\)/)

  const refused = await host.run(['restore', bottle?.id ?? ''])
  expect(refused).toMatchObject({ exitCode: 3, stderr: expect.stringMatching(reset) })
  expect(refused.stderr).toContain(
    'hint: Raise `budget` in settings.yml above what is used, or: bot-bottle budget set host claude=N --period month;',
  )
  await host.writeSettings('budget: {claude: 50000}\nperiod: month\n')
  expect(await host.run(['restore', bottle?.id ?? ''])).toMatchObject({ exitCode: 0 })
})

test.concurrent('a budget marked always also holds for a run that has its own (L15)', async () => {
  await using host = await openProductHost({
    provider: answers(3_000),
    settings: 'budget: {claude: {limit: 2000, period: day, always: true}}\n',
  })
  const { stdout } = await host.run(inBottle(['--budget', '100000'], ...modelCall()))
  expect(stdout).toMatch(/budget spent \(this host, per day\): 2,\d+ of 2,000 claude tokens used/)
})

test.concurrent('a budget per run is for each bottle by itself', async () => {
  await using host = await openProductHost({
    provider: answers(600),
    settings: 'budget: {claude: 1000}\nperiod: run\n',
  })
  for (let run = 0; run < 3; run += 1) {
    expect((await host.run(inBottle([], ...modelCall()))).stdout).toContain('event: message_stop')
  }
  const spent = await host.run(inBottle([], 'sh', '-c', `${modelCallInShell()}; ${modelCallInShell()}`))
  expect(spent.stdout).toContain('(this host, per run): ')
  expect(spent.stdout).toContain('It does not reset; the next run has its own.')
})

test.concurrent('with the gate off a stream is cut when what others used is charged, and weights decide how much that is (E04)', async () => {
  await using host = await openProductHost({
    provider: ['--output-tokens', '20000', '--delta-interval-ms', '10'],
    settings: 'budget: {claude: 3000}\ngate: off\nweights: {output: 3}\n',
  })
  const streamer = host.start(inBottle([], ...modelCall()))
  await streamer.said(answerFlows)
  const document = modelCallInShell({ prompt: 'a document', documentTokens: 1_200 })
  const spender = await host.run(inBottle([], 'sh', '-c', document))
  expect(spender.stdout).toContain('"output_tokens":1200')
  const { stdout } = await streamer.ended
  expect(stdout).toMatch(/event: error\ndata: .*\(this host\): 3,6\d\d of 3,000 claude tokens used/)
})

test.concurrent('a budget of a definition is shared by all bottles that extend it; one with its own is charged there, too (E04, L14)', async () => {
  await using host = await openProductHost({ provider: answers(600) })
  await mkdir(join(host.home, 'bottles'))
  const write = (name: string, ...keys: readonly string[]) =>
    writeFile(join(host.home, 'bottles', `${name}.md`), `---\n${keys.join('\n')}\n---\n`)
  await write('base', 'extends: claude', 'budget: {claude: {limit: 2500, period: day}}')
  await write('web', 'extends: base')
  await write('docs', 'extends: base', 'budget: {claude: 100000}')
  const launch = (bottle: string, calls: number, then = '') => {
    const script = `${Array.from({ length: calls }, () => modelCallInShell()).join('; ')}; echo; echo is over${then}`
    return host.start(['run', '--bottle', bottle, '--workspace', 'none', '--', 'sh', '-c', script], { input: typed })
  }
  const web = launch('web', 1, '; read go; sleep 600')
  await web.said(/is over/)
  const docs = await launch('docs', 4).ended
  expect(docs.stdout.match(/event: message_stop/g)).toHaveLength(4)
  await until('the bottle that is governed by what both used up is cut', async () => {
    return (await bottles(host))[0]?.state === 'cut'
  })
  const [cut] = await bottles(host)
  expect(cut?.budgets).toMatchObject([{ scope: 'bottle:base', limitTokens: 2_500 }])
  expect(cut?.chargedTokens).toBeLessThan(1_200)
  const settledOf = async (scope: string) => {
    const counters = await (await host.client()).counters()
    return counters.find((counter) => counter.scope === scope && counter.period === 'total')?.settledTokens ?? 0
  }
  expect(await settledOf('bottle:base')).toBe((await settledOf('bottle:web')) + (await settledOf('bottle:docs')))
  expect(await settledOf('host')).toBe(await settledOf('bottle:base'))
})

test.concurrent('a limit that is lowered below what is spent cuts at once, and nothing of the usage is lost (L10)', async () => {
  await using host = await openProductHost({ provider: answers(600), settings: 'budget: {claude: 50000}\n' })
  const script = `${modelCallInShell()}; echo; echo is over; read go`
  const commands = [1, 2].map(() => host.start(inBottle([], 'sh', '-c', script), { input: typed }))
  for (const command of commands) await command.said(/is over/)
  const [first, second] = await bottles(host)
  const used = second?.chargedTokens
  await host.writeSettings('budget: {claude: 1000}\n')
  // Limits of the host are read again by every restore.
  expect((await host.run(['restore', first?.id ?? ''])).exitCode).toBe(3)
  await until('both are cut', async () => (await bottles(host)).every(({ state }) => state === 'cut'))
  await host.writeSettings('budget: {claude: 50000}\n')
  for (const { id } of [first, second].filter((bottle) => bottle !== undefined)) {
    expect(await host.run(['restore', id])).toMatchObject({ exitCode: 0, stderr: `bot-bottle: ${id} is open again\n` })
  }
  expect((await bottles(host)).map(({ state }) => state)).toEqual(['running', 'running'])
  expect((await bottles(host))[1]?.chargedTokens).toBe(used)
})
