/** Cuts, for a spent budget and by an operator, on bottles that stream. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import type { AuditEntry } from '../../src/ledger/ledger.ts'
import { typed } from '../fakes/command.ts'
import { answerFlows, modelCall, modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { until } from '../fakes/until.ts'

/** An answer that lasts for minutes. */
const endless = ['--output-tokens', '50000', '--delta-interval-ms', '10']
/** 1 600 tokens a second. */
const quick = ['--output-tokens', '20000', '--delta-interval-ms', '10', '--tokens-per-delta', '16']

const inBottle = (options: readonly string[], ...words: readonly string[]) => [
  ...['run', '--bottle', 'claude', '--workspace', 'none', ...options, '--'],
  ...words,
]
const bottles = (host: ProductHost, all: readonly string[] = []) => host.json<readonly BottleView[]>(['ps', ...all])
const onlyBottle = async (host: ProductHost): Promise<BottleView> => {
  const [bottle, ...others] = await bottles(host)
  if (!bottle || others.length > 0) throw new Error('not exactly one bottle lives')
  return bottle
}
const audit = async (host: ProductHost) => {
  const entries = await host.json<readonly AuditEntry[]>(['audit'])
  return entries.map(({ action, trigger, phase, step }) => `${action} ${trigger} ${step ?? phase}`)
}

test.concurrent('an operator’s cutoff ends the stream with a message, and a restore lets the agent go on (E03, E09)', async () => {
  await using host = await openProductHost({ provider: endless })
  const script = `${modelCallInShell()}; read go; ${modelCallInShell({ prompt: 'again' })}; read go; ${modelCallInShell()}; sleep 600`
  const command = host.start(inBottle([], 'sh', '-c', script), { input: typed })
  await command.said(answerFlows)
  const { id } = await onlyBottle(host)

  expect(await host.run(['cutoff', id])).toMatchObject({ exitCode: 0, stderr: `bot-bottle: ${id} is cut off\n` })
  await command.said(/event: error\ndata: .*"message":"bot-bottle: an operator has cut off this bottle\..*\n\n/)
  expect(await onlyBottle(host)).toMatchObject({ state: 'cut', openExchanges: 0 })
  expect(await host.provider.served()).toMatchObject([{ end: 'aborted' }])
  expect((await host.run(['cutoff', id])).stderr).toBe(`bot-bottle: ${id} was cut off already\n`)

  command.type('\n')
  await command.said(
    /"type":"billing_error","message":"bot-bottle: an operator has cut off this bottle\.[^\n]*"request_id":"[^"]*"\}\n(?!\n)/,
  )
  expect(await host.provider.served()).toHaveLength(1)

  expect(await host.run(['restore', id])).toMatchObject({ exitCode: 0, stderr: `bot-bottle: ${id} is open again\n` })
  expect((await host.run(['restore', id])).stderr).toBe(`bot-bottle: ${id} was open already\n`)
  command.type('\n')
  await until('the provider streams again', async () => (await host.provider.served())[1]?.end === 'open')
  expect(await host.run(['kill', id])).toMatchObject({ exitCode: 0, stderr: `bot-bottle: ${id} is gone\n` })
  expect((await command.ended).exitCode).not.toBe(0)
  expect(await host.run(['kill', id])).toMatchObject({ exitCode: 0, stderr: `bot-bottle: ${id} had ended already\n` })
  expect(await host.leftovers()).toEqual([])
  expect(await audit(host)).toEqual([
    ...['cutoff operator intent', 'cutoff operator close', 'cutoff operator done'],
    ...['restore operator intent', 'restore operator reopen', 'restore operator done'],
    ...['kill operator intent', 'kill operator close', 'kill operator end', 'kill operator done'],
  ])
  expect(await bottles(host, ['--all'])).toMatchObject([{ state: 'killed' }])
})

test.concurrent('an id that does not exist is refused by each command, saying how to find one', async () => {
  await using host = await openProductHost()
  await host.start(['controller', 'run']).said(/is ready/)
  for (const action of ['cutoff', 'kill', 'restore']) {
    expect(await host.run([action, 'claude-000000'])).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: 'bot-bottle: there is no bottle "claude-000000"\n  hint: List them with: bot-bottle ps --all\n',
    })
  }
})

test.concurrent('a bottle that streams is cut when another one spends the budget that they share, each with its own policy (E04)', async () => {
  await using host = await openProductHost({ provider: quick, settings: 'budget: {claude: 4000}\n' })
  const document = `${modelCallInShell({ prompt: 'a document', documentTokens: 3_500 })}; sleep 600`
  const spender = host.start(inBottle(['--shutdown', 'kill'], 'sh', '-c', document))
  await until('the document is being written', async () => (await host.provider.served())[0]?.end === 'open')
  const streamer = host.start(inBottle([], ...modelCall({ prompt: 'a stream' })))
  const ends = await Promise.all([streamer.ended, spender.ended])
  expect(ends[0].stdout).toMatch(
    /event: error\ndata: .*"message":"bot-bottle: budget spent \(this host\): [\d,]+ of 4,000 claude tokens used/,
  )
  expect(ends[0].stderr).toMatch(/^bot-bottle: cut off: budget spent/m)
  expect(ends[1].stderr).toMatch(/^bot-bottle: killed: budget spent/m)
  expect(await bottles(host, ['--all'])).toMatchObject([{ state: 'exited' }, { state: 'killed' }])
  expect((await audit(host)).toSorted()).toEqual([
    ...['cutoff budget close', 'cutoff budget done', 'cutoff budget intent'],
    ...['kill budget close', 'kill budget done', 'kill budget end', 'kill budget intent'],
  ])
  expect(await host.leftovers()).toEqual([])
})

test.concurrent('the budget of a run beats that of the host', async () => {
  await using host = await openProductHost({
    provider: ['--output-tokens', '2000'],
    settings: 'budget:\n  claude: 200\n',
  })
  const refused = await host.run(inBottle([], ...modelCall()))
  expect(refused.stdout).toMatch(/budget spent \(this host\): 0 of 200 claude tokens used, and this call needs about/)
  const passed = await host.run(inBottle(['--budget', '5000'], ...modelCall()))
  expect(passed.stdout).toContain('event: message_stop')
  const cut = await host.run(inBottle(['--budget', 'claude=1000'], ...modelCall()))
  expect(cut.stdout).toMatch(/budget spent \(run run-[0-9a-f]{6}\): 1,0\d\d of 1,000 claude tokens used/)
})

test.concurrent('restore is refused while the budget is spent, and works with a larger one for the run', async () => {
  await using host = await openProductHost({ provider: quick })
  const script = `${modelCallInShell()}; echo; echo first is over; read go; ${modelCallInShell()}; read go`
  const command = host.start(inBottle(['--budget', '1000'], 'sh', '-c', script), { input: typed })
  await command.said(/first is over/)
  const { id, state } = await onlyBottle(host)
  expect(state).toBe('cut')
  const refused = await host.run(['restore', id])
  expect(refused.exitCode).toBe(3)
  expect(refused.stderr).toMatch(
    new RegExp(
      `^bot-bottle: budget spent \\(run ${id}\\): 1,\\d+ of 1,000 claude tokens used.*\\n {2}hint: .*restore ${id} --budget`,
    ),
  )
  const stillRefused = await host.run(['restore', id, '--budget', '1000'])
  expect(stillRefused.exitCode).toBe(3)
  expect(await host.run(['restore', id, '--budget', '3000'])).toMatchObject({ exitCode: 0 })
  command.type('\n')
  await command.said(/ of 3,000 claude tokens used/)
  expect(await onlyBottle(host)).toMatchObject({ state: 'cut', budgets: [{ limitTokens: 3_000 }] })
  command.type('\n')
  await command.ended
})

test.concurrent('restore works after the host’s budget was raised in settings.yml', async () => {
  await using host = await openProductHost({ provider: quick, settings: 'budget: {claude: 1000}\n' })
  const script = `${modelCallInShell()}; echo; echo first is over; read go; ${modelCallInShell()}`
  const command = host.start(inBottle([], 'sh', '-c', script), { input: typed })
  await command.said(/first is over/)
  const { id } = await onlyBottle(host)
  const refused = await host.run(['restore', id])
  expect(refused).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('settings.yml') })
  await host.writeSettings('budget: {claude: 3000}\n')
  expect(await host.run(['restore', id])).toMatchObject({ exitCode: 0 })
  command.type('\n')
  expect((await command.ended).stdout).toMatch(/budget spent \(this host\): [\d,]+ of 3,000/)
})

test.concurrent('with --shutdown kill a spent budget ends every process of the bottle', async () => {
  await using host = await openProductHost({ provider: quick })
  const script = `(setsid sleep 600 &); ${modelCallInShell()}; sleep 600`
  const { exitCode, stderr } = await host.run(inBottle(['--budget', '1000', '--shutdown', 'kill'], 'sh', '-c', script))
  expect(exitCode).not.toBe(0)
  expect(stderr).toMatch(/^bot-bottle: killed: budget spent \(run run-[0-9a-f]{6}\)/m)
  expect(await host.leftovers()).toEqual([])
  expect(await bottles(host, ['--all'])).toMatchObject([{ state: 'killed', policy: 'kill' }])
  expect(await audit(host)).toEqual(['kill budget intent', 'kill budget close', 'kill budget end', 'kill budget done'])
})

test.concurrent('warnings are told once each on stderr, and the cut after them', async () => {
  await using host = await openProductHost({ provider: ['--output-tokens', '200'] })
  const script = `for i in 1 2 3 4 5 6 7 8; do ${modelCallInShell()}; done`
  const { stderr } = await host.run(inBottle(['--budget', '1200'], 'sh', '-c', script))
  // The hold of the call that does not fit is named, not its input alone: the sum is beyond the limit.
  const [, used, needed] =
    /cut off: .*: ([\d,]+) of 1,200 claude tokens used, and this call needs about (\d+)/.exec(stderr) ?? []
  expect(Number(used?.replace(',', '')) + Number(needed)).toBeGreaterThan(1_200)
  const told = [...stderr.matchAll(/^bot-bottle: (\d+ %|cut off)/gm)].map(([, what]) => what)
  expect(told.at(-1)).toBe('cut off')
  expect(told).toEqual([...new Set(told)])
  expect(told.length).toBeGreaterThanOrEqual(3)
  expect(stderr).toMatch(
    /^bot-bottle: 50 % of the budget is used \(run run-[0-9a-f]{6}\): \d+ of 1\D200 claude tokens$/m,
  )
})

test.concurrent('OpenAI’s stream is cut in OpenAI’s words', async () => {
  await using host = await openProductHost({ provider: quick })
  const { stdout } = await host.run([
    ...['run', '--bottle', 'codex', '--workspace', 'none', '--budget', '1000', '--'],
    ...modelCall({ provider: 'codex' }),
  ])
  expect(stdout).toMatch(
    /event: response\.failed\ndata: .*"code":"invalid_prompt","message":"bot-bottle: budget spent .*\n\n$/,
  )
})

test.concurrent('the command of settings.yml is told of a warning and of the cut', async () => {
  const command = 'notify: {command: [sh, -c, "cat >> notified"]}\n'
  await using host = await openProductHost({ provider: ['--output-tokens', '200'], settings: command })
  const script = `for i in 1 2 3 4 5 6 7 8; do ${modelCallInShell()}; done`
  await host.run(inBottle(['--budget', '1200'], 'sh', '-c', script))
  const notified = async () => (await readFile(join(host.home, 'notified'), 'utf8').catch(() => '')).trim().split('\n')
  const has = (lines: readonly string[], kind: string) => lines.some((line) => line.includes(`"kind":"${kind}"`))
  await until('both are told', async () => {
    const lines = await notified()
    return has(lines, 'warning') && has(lines, 'enforcement')
  })
  const events = (await notified()).map((line) => JSON.parse(line))
  expect(events).toContainEqual(expect.objectContaining({ kind: 'warning', thresholdPercent: 50 }))
  expect(events).toContainEqual(
    expect.objectContaining({ kind: 'enforcement', action: 'cutoff', trigger: 'budget', phase: 'done' }),
  )
})
