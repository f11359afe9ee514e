/** The controller as a process: one of it, its end, and what its death means. */
import { expect, test } from 'vitest'
import type { BottleView, ControllerStatus, UsageReport } from '../../src/controller/api.ts'
import { startCommand } from '../fakes/command.ts'
import { answerFlows, modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost } from '../fakes/product-host.ts'
import { checkout } from '../fakes/test-user.ts'
import { until } from '../fakes/until.ts'

const slow = ['--output-tokens', '20000', '--delta-interval-ms', '10']
const waiting = ['run', '--workspace', 'none', '--', 'sh', '-c', 'echo ready; exec sleep 600']

test('commands that start at the same time share one controller', async () => {
  await using host = await openProductHost()
  const run = () => host.run(['run', '--workspace', 'none', '--', 'true'])
  const ends = await Promise.all([run(), run(), run()])
  expect(ends.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(ends.map(() => [0, '']))
  // Those that came second may still be on their way out.
  await until('one controller is left', async () => (await host.processes()).length === 1)
  expect(await host.json(['ps', '--all'])).toHaveLength(3)
})

test('a second controller is refused in one sentence, and the first runs on', async () => {
  await using host = await openProductHost()
  const first = host.start(['controller', 'run'])
  await first.said(/is ready/)
  const second = await host.run(['controller', 'run'])
  expect(second).toMatchObject({ exitCode: 1, stdout: '' })
  expect(second.stderr).toMatch(
    /^bot-bottle: another controller is running for .*\n {2}hint: Look at it with: bot-bottle controller status\n$/,
  )
  expect(await host.json<ControllerStatus>(['controller', 'status'])).toMatchObject({
    pid: first.pid,
    livingBottles: 0,
  })
  first.signal('SIGTERM')
  expect((await first.ended).exitCode).toBe(0)
})

test('a stop is refused while a bottle lives, and with --force ends it', async () => {
  await using host = await openProductHost()
  const command = host.start(waiting)
  await command.said(/ready/)
  const refused = await host.run(['controller', 'stop'])
  expect(refused).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/bottles are still running: run-[0-9a-f]{6}\n {2}hint: .*--force/),
  })
  expect(await host.json(['controller', 'stop', '--force'])).toEqual({ stopped: true })
  expect((await command.ended).exitCode).not.toBe(0)
  expect(await host.leftovers()).toEqual([])
  expect(await host.processes()).toEqual([])
  expect(await host.json(['controller', 'stop'])).toEqual({ stopped: false })
  const renewed = await host.json(['controller', 'restart'])
  expect(renewed).toEqual(await host.json(['controller', 'status']))
})

test('a stop is done once the controller has ended, also where nobody asks for its exit code', async () => {
  await using host = await openProductHost()
  // The shell becomes a program that never waits for the controller, its child.
  const script = `"$0" "$1" controller run & exec sleep 600`
  const parent = startCommand(['bash', '-c', script, process.execPath, `${checkout}/src/main.ts`], {
    env: { PATH: process.env.PATH, BOT_BOTTLE_HOME: host.home },
    cwd: host.workspace,
  })
  await parent.said(/is ready/)
  const stopped = await host.run(['controller', 'stop'])
  parent.signalGroup('SIGKILL')
  expect(stopped).toMatchObject({ exitCode: 0, stderr: 'bot-bottle: the controller is stopped\n' })
})

test('a controller that dies takes a bottle without containment with it, and the next one charges what was open', async () => {
  await using host = await openProductHost({ provider: slow })
  const options = ['--bottle', 'claude', '--budget', '50000', '--workspace', 'none', '--sandbox', 'none']
  const command = host.start(['run', ...options, '--', 'sh', '-c', `${modelCallInShell()}; exec sleep 600`])
  await command.said(answerFlows)
  const { pid } = await host.json<ControllerStatus>(['controller', 'status'])
  process.kill(pid, 'SIGKILL')
  const { exitCode, stderr } = await command.ended
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(
    /bot-bottle: the controller is gone \(.*\), so the bottle has no way out any more: its program is ended\n/,
  )
  expect(await host.run(['ps'])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/no controller is running.*\n {2}hint: /),
  })
  await until('the provider sees its client gone', async () => (await host.provider.served())[0]?.end === 'aborted')

  expect((await host.run(['run', '--workspace', 'none', '--', 'true'])).exitCode).toBe(0)
  expect(await host.leftovers()).toEqual([])
  const { rows } = await host.json<UsageReport>(['usage', '--by', 'provider'])
  expect(rows).toMatchObject([{ group: 'claude', exchanges: 1 }])
  expect(rows[0]?.chargeTokens).toBeGreaterThan(0)
  expect(rows[0]?.estimatedTokens).toBe(rows[0]?.chargeTokens)
  const [, bottle] = await host.json<readonly BottleView[]>(['ps', '--all'])
  expect(bottle).toMatchObject({ state: 'failed', chargedTokens: rows[0]?.chargeTokens })
  await host.inLedger(async (ledger) => {
    expect(await ledger.verify()).toEqual([])
    expect(await ledger.events({ limit: 10 })).toMatchObject([{ source: 'estimated' }])
    for (const { reservedTokens } of await ledger.counters()) expect(reservedTokens).toBe(0)
  })
})
