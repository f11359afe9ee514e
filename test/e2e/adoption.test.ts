/** Controllers that die or are replaced while bottles live. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BottleView, ControllerStatus } from '../../src/controller/api.ts'
import { holdTimeoutMs } from '../../src/controller/hold-watch.ts'
import type { AuditEntry } from '../../src/ledger/ledger.ts'
import type { SandboxReference } from '../../src/sandbox/sandbox.ts'
import { type Command, typed } from '../fakes/command.ts'
import { answerFlows, modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { type TestUser, testUsers } from '../fakes/test-user.ts'
import { until } from '../fakes/until.ts'

const maxRefusedMs = 2_000
const maxTries = 10
const endless = ['--output-tokens', '50000', '--delta-interval-ms', '10']
const inBottle = (script: string, ...options: readonly string[]) => [
  ...['run', '--bottle', 'claude', '--workspace', 'none', ...options, '--', 'bash', '-c', script],
]

/**
 * Asks again and again, as agents do that wait a moment. One line for each answer: when it was there, and when it last asked in
 * vain: without a controller nobody answers for names either.
 */
const askingAgent = `refused=0
while :; do
  answer=$(${modelCallInShell()} 2> /dev/null)
  [ $? = 0 ] || refused=$(date +%s%3N)
  if [[ $answer == *message_stop* ]]; then echo "answered at $(date +%s%3N), refused until $refused."
  else echo "failed: \${answer:0:300}"; fi
  sleep 0.1
done`
/** Asks once for each line that is typed. */
const toldAgent = `while read -r; do ${modelCallInShell()}; echo "curl ended with $?"; done`

async function killController(host: ProductHost): Promise<{ readonly pid: number; readonly atMs: number }> {
  const { pid } = await host.json<ControllerStatus>(['controller', 'status'])
  process.kill(pid, 'SIGKILL')
  return { pid, atMs: Date.now() }
}

async function onlyBottle(host: ProductHost): Promise<BottleView> {
  const [bottle, ...others] = await host.json<readonly BottleView[]>(['ps'])
  if (!bottle || others.length > 0) throw new Error('not exactly one bottle lives')
  return bottle
}

/** Resolves once the agent is answered again, to the time at which it was refused last. */
async function answeredAfter(command: Command, atMs: number): Promise<number> {
  for (;;) {
    const [, time, refusedUntil] = await command.saidAnew(/answered at (\d+), refused until (\d+)\./)
    if (Number(time) > atMs) return Number(refusedUntil)
  }
}

/** Of a controller and a bottle, as slow as this machine is now: to be taken up is less work. */
async function firstStartMs(user: TestUser): Promise<number> {
  await using host = await openProductHost({ user })
  const startedMs = performance.now()
  await host.run(['run', '--workspace', 'none', '--', 'true'])
  return performance.now() - startedMs
}

test.each(testUsers)(
  'an agent $title is refused for 2 s at most after its controller was killed, and nothing is lost (S10)',
  { timeout: 120_000 },
  async (user) => {
    await using host = await openProductHost({ user })
    const command = host.start(inBottle(askingAgent, '--budget', '1000000'))
    await command.said(/answered at/)
    const before = await onlyBottle(host)
    const tries: { readonly refusedMs: number; readonly maxMs: number }[] = []
    const isQuick = () => tries.some(({ refusedMs, maxMs }) => refusedMs < maxMs)
    // What else runs on the machine may take the time of one, not of each.
    for (let pid = 0; tries.length < maxTries && !isQuick(); ) {
      const maxMs = Math.max(maxRefusedMs, await firstStartMs(user))
      const killed = await killController(host)
      expect(killed.pid).not.toBe(pid)
      pid = killed.pid
      tries.push({ refusedMs: (await answeredAfter(command, killed.atMs)) - killed.atMs, maxMs })
    }
    expect(isQuick(), JSON.stringify(tries)).toBe(true)

    await command.said(/the controller was gone \(.*\); the next one has taken the bottle up/)
    const status = await host.json<ControllerStatus>(['controller', 'status'])
    expect(status).toMatchObject({ livingBottles: 1 })
    const after = await onlyBottle(host)
    expect(after).toMatchObject({
      id: before.id,
      state: 'running',
      policy: before.policy,
      createdAtMs: before.createdAtMs,
    })
    expect(after.budgets).toMatchObject([{ scope: `run:${before.id}`, limitTokens: 1_000_000 }])
    expect(after.chargedTokens).toBeGreaterThan(before.chargedTokens)

    expect(await host.run(['kill', before.id])).toMatchObject({ exitCode: 0 })
    expect((await command.ended).exitCode).not.toBe(0)
    expect(await host.leftovers()).toEqual([])
    const answers = (await host.provider.served()).length
    await host.inLedger(async (ledger) => {
      expect(await ledger.verify()).toEqual([])
      for (const { reservedTokens } of await ledger.counters()) expect(reservedTokens).toBe(0)
      // Whatever reached the provider was charged, once.
      expect((await ledger.events({ limit: 100_000 })).length).toBeGreaterThanOrEqual(answers)
    })
  },
)

test('without a controller nothing leaves; the next one charges what was open, and waits for credentials that only the user has (S10, I9)', async () => {
  await using host = await openProductHost({ provider: endless })
  const command = host.start(inBottle(toldAgent), { input: typed })
  await until('the bottle lives', async () => (await host.livingSandboxes()).length === 1)
  command.type('\n')
  await command.said(answerFlows)
  // Whoever holds the bottle is not there to start another controller, or to tell it anything.
  command.signal('SIGSTOP')
  await killController(host)
  await until('the provider sees its client gone', async () => (await host.provider.served())[0]?.end === 'aborted')
  command.type('\n')
  await until('the program asks in vain', async () => (await host.leftovers()).length > 0)
  expect(await host.provider.served()).toHaveLength(1)

  const next = host.start(['controller', 'run'])
  await next.said(
    /took up bottles of an earlier controller: run-[0-9a-f]{6}[^\n]*\n.*charged \d+ tokens for 1 exchanges/,
  )
  await next.said(/is ready/)
  expect(await onlyBottle(host)).toMatchObject({ state: 'running', openExchanges: 0 })
  await host.inLedger(async (ledger) => {
    expect(await ledger.events({ limit: 10 })).toMatchObject([{ source: 'estimated', ending: 'controller_gone' }])
  })
  command.signal('SIGCONT')
  await command.said(/the next one has taken the bottle up/)
  command.type('\n')
  await until('the provider is asked again', async () => (await host.provider.served()).at(-1)?.end === 'open')
  const [bottle] = await host.json<readonly BottleView[]>(['ps'])
  await host.run(['kill', bottle?.id ?? ''])
  await command.ended
  next.signal('SIGTERM')
  await next.ended
  expect(await host.leftovers()).toEqual([])
})

test('a bottle that was cut stays cut with the next controller, and can be restored there (S10, I8)', async () => {
  await using host = await openProductHost()
  const command = host.start(inBottle(toldAgent), { input: typed })
  await until('the bottle lives', async () => (await host.livingSandboxes()).length === 1)
  const { id } = await onlyBottle(host)
  await host.run(['cutoff', id])
  await killController(host)
  await command.said(/the next one has taken the bottle up/)
  expect(await onlyBottle(host)).toMatchObject({ id, state: 'cut' })
  command.type('\n')
  await command.said(/an operator has cut off this bottle/)
  expect(await host.provider.served()).toEqual([])
  expect(await host.run(['restore', id])).toMatchObject({ exitCode: 0 })
  command.type('\n')
  await command.said(/message_stop/)
  await host.run(['kill', id])
  await command.ended
})

test('a cut that a crash interrupted is performed before the bottle has a way out again (E08, S10)', async () => {
  await using host = await openProductHost()
  const command = host.start(inBottle(askingAgent))
  await command.said(/answered at/)
  const { id } = await onlyBottle(host)
  command.signal('SIGSTOP')
  await killController(host)
  await host.inLedger((ledger) =>
    ledger.beginEnforcement({
      ...{ enforcementId: 'interrupted', bottleId: id, action: 'cutoff', trigger: 'operator' },
      ...{ reason: 'an operator has cut off this bottle.', nowMs: Date.now() },
    }),
  )
  const served = (await host.provider.served()).length
  command.signal('SIGCONT')
  await command.said(/failed: .*an operator has cut off this bottle/)
  expect(await onlyBottle(host)).toMatchObject({ id, state: 'cut' })
  expect(await host.provider.served()).toHaveLength(served)
  const entries = await host.json<readonly AuditEntry[]>(['audit', '--bottle', id])
  expect(entries.map(({ phase, step }) => step ?? phase)).toEqual(['intent', 'close', 'done'])
  expect(entries.at(-1)?.detail).toContain('finished by the next controller')
  await host.run(['kill', id])
  await command.ended
})

test('a restart lets ten bottles live on, each under its id and in its processes', async () => {
  await using host = await openProductHost()
  const commands = Array.from({ length: 10 }, () => host.start(inBottle(askingAgent)))
  await Promise.all(commands.map((command) => command.said(/answered at/)))
  const bottles = async () =>
    (await host.json<readonly BottleView[]>(['ps'])).map(({ id, state }) => `${id} ${state}`).toSorted()
  const holders = () =>
    host.inLedger(async (ledger) => (await ledger.bottles({ living: true })).map(({ reference }) => reference))
  const before = { bottles: await bottles(), holders: await holders() }
  expect(before.bottles).toHaveLength(10)

  const restarted = await host.run(['controller', 'restart'])
  expect(restarted).toMatchObject({
    exitCode: 0,
    stderr: expect.stringMatching(/^bot-bottle: the controller runs anew: version .*, with 10 bottles\n$/),
  })
  const atMs = Date.now()
  await Promise.all(commands.map((command) => answeredAfter(command, atMs)))
  expect({ bottles: await bottles(), holders: await holders() }).toEqual(before)
  await host.run(['controller', 'stop', '--force'])
  await Promise.all(commands.map(({ ended }) => ended))
  expect(await host.processes()).toEqual([])
  expect(await host.leftovers()).toEqual([])
})

test('a bottle whose plan another version wrote is ended, and the audit says why', async () => {
  await using host = await openProductHost()
  const command = host.start(inBottle('echo ready; sleep 600'))
  await command.said(/ready/)
  const { id } = await onlyBottle(host)
  const planPath = join(host.home, 'instances', id, 'plan.json')
  const plan = JSON.parse(await readFile(planPath, 'utf8'))
  await writeFile(planPath, JSON.stringify({ ...plan, version: 99 }))
  await killController(host)
  expect((await command.ended).exitCode).not.toBe(0)
  expect(await host.leftovers()).toEqual([])
  const entries = await host.json<readonly AuditEntry[]>(['audit', '--bottle', id])
  expect(entries).toMatchObject([
    {
      action: 'kill',
      trigger: 'recovery',
      phase: 'intent',
      detail: expect.stringContaining('its plan is of version 99'),
    },
    { step: 'close' },
    { step: 'end' },
    { phase: 'done' },
  ])
  expect(await host.json(['ps', '--all'])).toMatchObject([{ id, state: 'failed' }])
})

test('what another one’s process has the place of is never ended: pid, start time, boot and namespace must agree', async () => {
  await using host = await openProductHost()
  const command = host.start(inBottle('echo ready; sleep 600'))
  await command.said(/ready/)
  const { id } = await onlyBottle(host)
  command.signal('SIGSTOP')
  await killController(host)
  const changes: readonly Partial<Extract<SandboxReference, { kind: 'bubblewrap' }>>[] = [
    { holderStartTicks: 1 },
    { bootId: 'another' },
    { networkNamespace: 'net:[1]' },
  ]
  const reference = await host.inLedger(async (ledger) => (await ledger.bottle(id))?.reference ?? '')
  for (const change of changes) {
    const wrong = JSON.stringify({ ...JSON.parse(reference), ...change })
    await host.inLedger((ledger) => ledger.updateBottle(id, { state: 'running', endedAtMs: null, reference: wrong }))
    expect((await host.run(['run', '--workspace', 'none', '--', 'true'])).exitCode).toBe(0)
    expect(await host.run(['controller', 'stop'])).toMatchObject({ exitCode: 0 })
    await host.inLedger(async (ledger) => {
      expect(await ledger.bottle(id)).toMatchObject({ state: 'failed' })
      await ledger.updateBottle(id, { reference })
    })
    expect(await host.livingSandboxes()).toEqual([id])
  }
  await host.inLedger((ledger) => ledger.updateBottle(id, { state: 'running', endedAtMs: null, reference }))
  command.signal('SIGCONT')
  await command.said(/the next one has taken the bottle up/).catch(() => undefined)
  await host.run(['kill', id])
  await command.ended
})

test('a bottle whose command died with the controller is ended by the next one, once nobody came for it in time', {
  timeout: 120_000,
}, async () => {
  await using host = await openProductHost()
  const command = host.start(inBottle('echo ready; sleep 600'))
  await command.said(/ready/)
  const { id } = await onlyBottle(host)
  command.signal('SIGSTOP')
  await killController(host)
  command.signal('SIGKILL')
  expect(await host.livingSandboxes()).toEqual([id])
  const next = host.start(['controller', 'run'])
  await next.said(/took up bottles of an earlier controller/)
  await next.said(/is ready/)
  expect(await onlyBottle(host)).toMatchObject({ id, state: 'running' })
  const nobodyCameMs = holdTimeoutMs + 15_000
  await until('the bottle has ended', async () => (await host.livingSandboxes()).length === 0, nobodyCameMs)
  await until('its end is written', async () => (await host.json<readonly BottleView[]>(['ps'])).length === 0)
  expect(await host.json(['ps', '--all'])).toMatchObject([{ id, state: 'exited', exitCode: null }])
  next.signal('SIGTERM')
  await next.ended
  expect(await host.leftovers()).toEqual([])
})
