import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { counterKey, host, reserveRequest, settleRequest } from '../../src/ledger/ledger.contract.ts'
import type { Ledger, ReserveRequest } from '../../src/ledger/ledger.ts'
import { openDatabase } from '../../src/ledger/postgres/database.ts'
import { migrate } from '../../src/ledger/postgres/migrations.ts'
import {
  openPostgresLedger,
  type PostgresLedger,
  type SharedChange,
} from '../../src/ledger/postgres/postgres-ledger.ts'
import { createShares } from '../../src/ledger/postgres/shares.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { type PostgresServer, startPostgres } from '../fakes/postgres-server.ts'
import { startTcpRelay } from '../fakes/tcp-relay.ts'
import { until } from '../fakes/until.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

interface HostOptions {
  readonly url: string
  readonly directory?: string
  readonly onChange?: (change: SharedChange) => void
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-hosts-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

let owners = 0
async function openHost({ directory = newDirectory(), ...options }: HostOptions): Promise<PostgresLedger> {
  const ledger = await openPostgresLedger({
    path: join(directory, 'ledger.db'),
    owner: `owner-${++owners}`,
    ...options,
  })
  onTestFinished(() => ledger[Symbol.asyncDispose]())
  return ledger
}

async function openHosts(count: number, limitTokens: number) {
  const url = await server.createDatabase()
  const hosts = await Promise.all(Array.from({ length: count }, () => openHost({ url })))
  for (const ledger of hosts) await ledger.setLimit(host, limitTokens)
  return hosts as [PostgresLedger, PostgresLedger, ...PostgresLedger[]]
}

let ids = 0
const hold = async (ledger: Ledger, holdTokens: number, changes: Partial<ReserveRequest> = {}) => {
  const attemptId = `a${++ids}`
  const outcome = await ledger.reserve(reserveRequest(attemptId, { holdTokens, ...changes }))
  return { attemptId, outcome }
}
const spend = async (ledger: Ledger, chargeTokens: number, changes: Partial<ReserveRequest> = {}) => {
  const { attemptId, outcome } = await hold(ledger, chargeTokens, changes)
  expect(outcome).toEqual({ kind: 'reserved' })
  await ledger.settle(settleRequest(attemptId, { chargeTokens }))
}
const urlThrough = (url: string, port: number) => Object.assign(new URL(url), { port: String(port) }).href

describe('hosts that share a budget', () => {
  test('never hold and spend more than its limit together, and in the end all of it, in any order (L01, L04)', async () => {
    const hosts = await openHosts(3, 0)
    const step = fc.record({
      who: fc.nat({ max: 2 }),
      holdTokens: fc.integer({ min: 1, max: 60 }),
      isSettled: fc.boolean(),
      chargedPart: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { maxLength: 8 }),
        fc.integer({ min: 0, max: 400 }),
        async (rounds, limitTokens) => {
          const key = counterKey(`bottle:${++runs}`)
          const keys = { governing: [key], chain: [key.scope] }
          for (const ledger of hosts) await ledger.setLimit(key, limitTokens)
          let heldTokens = 0
          let settledTokens = 0
          const open: { readonly who: number; readonly attemptId: string; readonly holdTokens: number }[] = []
          for (const round of rounds) {
            await Promise.all(
              round.map(async ({ who, holdTokens, isSettled, chargedPart }) => {
                const ledger = hosts[who] as Ledger
                const { attemptId, outcome } = await hold(ledger, holdTokens, keys)
                if (outcome.kind !== 'reserved') return
                heldTokens += holdTokens
                expect(heldTokens + settledTokens).toBeLessThanOrEqual(limitTokens)
                if (!isSettled) return open.push({ who, attemptId, holdTokens })
                const chargeTokens = Math.floor(holdTokens * chargedPart)
                heldTokens -= holdTokens
                settledTokens += chargeTokens
                await ledger.settle(settleRequest(attemptId, { chargeTokens }))
              }),
            )
          }
          for (const { who, attemptId, holdTokens } of open) {
            heldTokens -= holdTokens
            settledTokens += holdTokens
            await hosts[who]?.settle(settleRequest(attemptId, { chargeTokens: holdTokens }))
          }
          const restTokens = limitTokens - settledTokens
          if (restTokens > 0) {
            const last = hosts[runs % 3] as Ledger
            await until(
              'the rest is granted to one of them',
              async () => (await hold(last, restTokens, keys)).outcome.kind === 'reserved',
            )
          }
          for (const ledger of hosts) {
            await until(
              'nothing is left for any of them',
              async () => (await hold(ledger, 1, keys)).outcome.kind === 'denied',
            )
          }
        },
      ),
      { numRuns: 12 },
    )
    for (const ledger of hosts) expect(await ledger.verify()).toEqual([])
  })

  test('say pending while others only hold the room, and exhausted once all of it is settled (L03)', async () => {
    const [one, other] = await openHosts(2, 1_000)
    const { attemptId } = await hold(one, 1_000)
    const denied = await hold(other, 1)
    expect(denied.outcome).toEqual({
      kind: 'denied',
      reason: 'pending',
      counter: { ...host, limitTokens: 1_000, settledTokens: 0, reservedTokens: 1_000 },
    })
    await one.settle(settleRequest(attemptId, { chargeTokens: 1_000 }))
    await until('it is exhausted for the other, too', async () => {
      const { outcome } = await hold(other, 1)
      return outcome.kind === 'denied' && outcome.reason === 'exhausted'
    })
    expect(await other.counter(host)).toMatchObject({ settledTokens: 1_000, reservedTokens: 0 })
  })

  test('give back at once what they do not use when another one needs it, and it hears of that', async () => {
    const url = await server.createDatabase()
    const changes: SharedChange[] = []
    const [idle, needy] = [await openHost({ url }), await openHost({ url, onChange: (change) => changes.push(change) })]
    for (const ledger of [idle, needy]) await ledger.setLimit(host, 10_000)
    await spend(idle, 100)
    expect((await needy.counter(host)).reservedTokens).toBeGreaterThan(500)
    expect((await hold(needy, 9_900)).outcome).toMatchObject({ reason: 'pending' })
    await until('the other one hears of it', () => changes.some(({ kind }) => kind === 'counters'))
    await until('what was not used is given back', async () => (await hold(needy, 9_900)).outcome.kind === 'reserved')
  })

  test('learn of what another one settled without asking', async () => {
    const url = await server.createDatabase()
    const changes: SharedChange[] = []
    const [one, other] = [await openHost({ url }), await openHost({ url, onChange: (change) => changes.push(change) })]
    for (const ledger of [one, other]) await ledger.setLimit(host, 1_000)
    const { attemptId } = await hold(other, 10)
    await spend(one, 600)
    await until('the other one hears of it', () => changes.some(({ kind }) => kind === 'counters'))
    const settled = await other.settle(settleRequest(attemptId, { chargeTokens: 10 }))
    await until('the charge is told', async () => (await other.counter(host)).settledTokens === 610)
    expect(settled).toMatchObject({ kind: 'settled', counters: [{ ...host, limitTokens: 1_000 }] })
  })

  test('find a new scope or period right at once, with what all of them spent (L12)', async () => {
    const [one, other] = await openHosts(2, 100_000)
    const chain = ['run:x', 'bottle:web', 'host']
    const at = (time: string) => ({ chain, nowMs: Date.parse(`2026-11-${time}Z`) })
    await spend(one, 70, at('22T10:00'))
    await spend(other, 50, at('22T11:00'))
    await spend(other, 5, at('23T11:00'))
    const daily = { scope: 'bottle:web', provider: 'claude', period: 'day' } as const
    const key = { ...daily, period: 'day:2026-11-22' }
    await one.setLimit(daily, 130)
    await until('all charges of the day are told', async () => (await one.counter(key)).settledTokens === 120)
    expect((await hold(one, 11, { ...at('22T12:00'), governing: [key] })).outcome).toMatchObject({
      reason: 'exhausted',
      counter: { ...key, limitTokens: 130, settledTokens: 120 },
    })
    expect((await hold(one, 10, { ...at('22T12:00'), governing: [key] })).outcome).toEqual({ kind: 'reserved' })
    const month = { ...daily, period: 'month:2026-11' }
    await until('all charges of the month are told', async () => (await other.counter(month)).settledTokens === 125)
    expect(
      (await other.counters({ scope: 'bottle:web' })).map(({ period, settledTokens }) => [period, settledTokens]),
    ).toEqual([['total', 125]])
  })

  test('ask anew for what they were granted under a limit that was lowered (L10)', async () => {
    const [one, other] = await openHosts(2, 10_000)
    await spend(one, 100)
    await spend(other, 100)
    for (const ledger of [one, other]) await ledger.setLimit(host, 300)
    const outcomes = await Promise.all([one, other].map(async (ledger) => (await hold(ledger, 100)).outcome.kind))
    expect(outcomes.toSorted()).toEqual(['denied', 'reserved'])
    await one.setLimit(host, 400)
    await until('the raised limit has room', async () => (await hold(one, 100)).outcome.kind === 'reserved')
  })

  test('report what all of them used, and keep bottles, events and runs to themselves', async () => {
    const [one, other] = await openHosts(2, 100_000)
    await spend(one, 70, { bottleId: 'one-x', chain: ['run:same', 'host'] })
    await spend(other, 50, { bottleId: 'other-x', chain: ['run:same', 'host'] })
    await other.usage({ by: 'bottle' })
    expect((await one.usage({ by: 'bottle' })).map(({ group, chargeTokens }) => [group, chargeTokens])).toEqual([
      ['one-x', 70],
      ['other-x', 50],
    ])
    expect(await one.usage({ by: 'agent', bottleId: 'other-x' })).toMatchObject([{ chargeTokens: 50, exchanges: 1 }])
    expect(await one.counter(counterKey('run:same'))).toMatchObject({ settledTokens: 70 })
    expect(await one.events({ limit: 9 })).toHaveLength(1)
    expect((await one.counters({ scope: 'run:same' })).map(({ settledTokens }) => settledTokens)).toEqual([70])
  })

  test('share what operators set, and hear when it is changed (L10)', async () => {
    const url = await server.createDatabase()
    const changes: SharedChange[] = []
    const [one, other] = [await openHost({ url }), await openHost({ url, onChange: (change) => changes.push(change) })]
    const override = { ...host, limitTokens: 7, always: true }
    const ofRun = { ...counterKey('run:x'), limitTokens: 5, always: false }
    await one.setOverride(override)
    await one.setOverride(ofRun)
    await until('the other one hears of the budget', () => changes.some(({ kind }) => kind === 'budgets'))
    expect(await other.overrides()).toEqual([override])
    expect(await one.overrides()).toEqual([override, ofRun])
    expect(await other.removeOverride(host)).toBe(true)
    expect(await one.overrides()).toEqual([ofRun])
  })

  test('let a budget without holds be spent to its end, whoever was granted the room', async () => {
    const [one, other] = await openHosts(2, 1_000)
    await hold(one, 1_000)
    const unheld = { holdsRoom: false }
    const { attemptId, outcome } = await hold(other, 50, unheld)
    expect(outcome).toEqual({ kind: 'reserved' })
    await other.settle(settleRequest(attemptId, { chargeTokens: 1_000 }))
    expect((await hold(other, 50, unheld)).outcome).toMatchObject({ reason: 'exhausted' })
  })
})

describe('a host that shares budgets', () => {
  test('brings along what was spent and set before it shared them', async () => {
    const directory = newDirectory()
    const url = await server.createDatabase()
    const alone = await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'alone' })
    await spend(alone, 400)
    await alone.setOverride({ ...host, limitTokens: 500, always: false })
    await alone[Symbol.asyncDispose]()
    await openHost({ url, directory })
    const other = await openHost({ url })
    expect(await other.counter(host)).toMatchObject({ settledTokens: 400 })
    expect(await other.overrides()).toMatchObject([{ limitTokens: 500 }])
  })

  test('tells what it spent before, between and after the times that it shared', async () => {
    const directory = newDirectory()
    const url = await server.createDatabase()
    const alone = { path: join(directory, 'ledger.db'), owner: 'alone' }
    for (const round of [1, 2, 3]) {
      const own = await openSqliteLedger(alone)
      await spend(own, 100)
      await own[Symbol.asyncDispose]()
      const shared = await openHost({ url, directory })
      await spend(shared, 10)
      await shared[Symbol.asyncDispose]()
      const other = await openHost({ url })
      expect(await other.counter(host)).toMatchObject({ settledTokens: round * 110 })
    }
  })

  test.each(['an older copy of itself', 'a new one'])(
    'tells everything again to a database that is %s, also where its grant was used up',
    async (which) => {
      const url = await server.createDatabase()
      const [directory, anotherDirectory] = [newDirectory(), newDirectory()]
      const spendOn = async (at: string) => {
        for (const [path, tokens] of [
          [directory, 300],
          [anotherDirectory, 20],
        ] as const) {
          const ledger = await openHost({ url: at, directory: path })
          await spend(ledger, tokens, { chain: ['agent:a', 'host'] })
          await ledger[Symbol.asyncDispose]()
        }
      }
      await spendOn(url)
      const later = await server.createDatabase(which === 'a new one' ? undefined : url)
      await spendOn(url)
      await using one = await openHost({ url: later, directory })
      expect(await one.counter(counterKey('agent:a'))).toMatchObject({
        settledTokens: which === 'a new one' ? 600 : 620,
      })
      await using two = await openHost({ url: later, directory: anotherDirectory })
      expect(await two.counter(counterKey('agent:a'))).toMatchObject({ settledTokens: 640 })
      expect(await one.verify()).toEqual([])
      expect((await one.usage({ by: 'provider' })).map(({ chargeTokens }) => chargeTokens)).toEqual([640])
    },
  )

  test('that was killed keeps what it was granted charged, until it is back and gives back the rest (L06)', async () => {
    const url = await server.createDatabase()
    const [directory, later] = [newDirectory(), newDirectory()]
    const dying = await openHost({ url, directory })
    const other = await openHost({ url })
    for (const ledger of [dying, other]) await ledger.setLimit(host, 10_000)
    await spend(dying, 100)
    await hold(dying, 300)
    const grantedTokens = (await other.counter(host)).reservedTokens
    expect(grantedTokens).toBeGreaterThan(1_000)
    // As the disk of a killed host: nothing was told or given back at an end.
    for (const suffix of ['', '-wal']) {
      copyFileSync(join(directory, `ledger.db${suffix}`), join(later, `ledger.db${suffix}`))
    }
    await using back = await openHost({ url, directory: later })
    expect(await other.counter(host)).toMatchObject({ settledTokens: 100, reservedTokens: 300 })
    expect(await back.recover(Date.now())).toMatchObject([{ chargeTokens: 300 }])
    await until('what was recovered is told', async () => (await other.counter(host)).settledTokens === 400)
    expect(await other.counter(host)).toMatchObject({ reservedTokens: 0 })
    expect((await hold(other, 9_600)).outcome).toEqual({ kind: 'reserved' })
  })

  test.each(['closed', 'silent'] as const)(
    'that is cut off (%s) spends its grant, refuses then, and loses nothing (I9)',
    async (how) => {
      const url = await server.createDatabase()
      await using relay = await startTcpRelay(server.port)
      const changes: SharedChange[] = []
      const cutOff = await openHost({ url: urlThrough(url, relay.port), onChange: (change) => changes.push(change) })
      const other = await openHost({ url })
      for (const ledger of [cutOff, other]) await ledger.setLimit(host, 100_000)
      await spend(cutOff, 100)
      await until('the first charge is told', async () => (await other.counter(host)).settledTokens === 100)
      const spareTokens = (await other.counter(host)).reservedTokens
      relay.cut(how)
      await until('it is known that the database is away', () => changes.some(({ kind }) => kind === 'lost'))
      await spend(cutOff, spareTokens)
      await expect(hold(cutOff, 1)).rejects.toMatchObject({
        code: 'ledger_unusable',
        message: expect.stringMatching(
          /^the shared ledger postgres:\/\/127\.0\.0\.1:\d+\/test_\w+ cannot be reached \(/,
        ),
      })
      await expect(cutOff.usage({ by: 'agent' })).rejects.toMatchObject({ code: 'ledger_unusable' })
      expect(await cutOff.counter(host)).toMatchObject({ settledTokens: 100 + spareTokens })
      // The rest is free for others; not one token more.
      const restTokens = 100_000 - 100 - spareTokens
      expect((await hold(other, restTokens + 1)).outcome).toMatchObject({ reason: 'pending' })
      expect((await hold(other, restTokens)).outcome).toEqual({ kind: 'reserved' })
      relay.mend()
      await until('the database is found again', () => changes.some(({ kind }) => kind === 'found'))
      await until(
        'what was spent meanwhile is told',
        async () => (await other.counter(host)).settledTokens === 100 + spareTokens,
      )
      expect(await cutOff.verify()).toEqual([])
    },
  )

  test('goes on when the database was crashed and started again', async () => {
    const [one, other] = await openHosts(2, 100_000)
    await spend(one, 100)
    await server.crash()
    await spend(one, 100)
    await server.start()
    await until('the database is found again', async () => {
      const settled = await one.verify().catch(() => undefined)
      return settled?.length === 0
    })
    await until('both charges are told', async () => (await other.counter(host)).settledTokens === 200)
    await until('the other one is granted more', async () => (await hold(other, 50_000)).outcome.kind === 'reserved')
    for (const ledger of [one, other]) expect(await ledger.verify()).toEqual([])
  })

  test('is not heard where a later word of it came first: its mark stays above all that it may spend', async () => {
    const url = await server.createDatabase()
    await using database = await openDatabase(url)
    await migrate(database)
    const onTheirWay: (() => Promise<unknown>)[] = []
    let isSlow = false
    const shares = createShares(
      {
        async query(text, values) {
          if (!isSlow) return database.query(text, values)
          onTheirWay.push(() => database.query(text, values))
          return []
        },
      },
      'slow',
    )
    await shares.join('slow')
    const mark = () => server.psql(url, 'SELECT granted_tokens FROM bot_bottle.share')
    await shares.topUp({ ...host, usedTokens: 0, needTokens: 400, limitTokens: 1_000 })
    isSlow = true
    await shares.giveBack({ ...host, grantedTokens: 10 })
    await shares.topUp({ ...host, usedTokens: 10, needTokens: 20, limitTokens: 1_000 }).catch(() => {})
    isSlow = false
    await shares.topUp({ ...host, usedTokens: 10, needTokens: 985, limitTokens: 1_000 })
    const [givenBack, toppedUp] = await Promise.allSettled(onTheirWay.map((arrive) => arrive()))
    expect([givenBack?.status, toppedUp?.status]).toEqual(['fulfilled', 'rejected'])
    expect(await mark()).toBe('995')
    await shares.giveBack({ ...host, grantedTokens: 20 })
    expect(await mark()).toBe('20')
  })

  test('that never comes back can be forgotten: what it did not spend is free', async () => {
    const [gone, other] = await openHosts(2, 10_000)
    await hold(gone, 10_000)
    await gone[Symbol.asyncDispose]()
    expect((await hold(other, 1)).outcome).toMatchObject({ reason: 'pending' })
    const held = (await other.hosts()).map(({ hostId, heldTokens }) => [hostId, heldTokens])
    expect(Object.fromEntries(held)).toEqual({ [gone.hostId]: 10_000, [other.hostId]: 0 })
    await other.forgetHost(gone.hostId)
    expect((await hold(other, 1)).outcome).toEqual({ kind: 'reserved' })
  })

  test('whose file is an older copy of itself is refused: it does not know what it spent', async () => {
    const url = await server.createDatabase()
    const directory = newDirectory()
    const first = await openHost({ url, directory })
    await spend(first, 100)
    await first[Symbol.asyncDispose]()
    copyFileSync(join(directory, 'ledger.db'), join(directory, 'copy.db'))
    const second = await openHost({ url, directory })
    await spend(second, 50)
    await second[Symbol.asyncDispose]()
    for (const suffix of ['-wal', '-shm']) rmSync(join(directory, `ledger.db${suffix}`), { force: true })
    copyFileSync(join(directory, 'copy.db'), join(directory, 'ledger.db'))
    const third = await openHost({ url, directory })
    expect(await third.verify()).toMatchObject([{ ...host, settledTokens: 150, eventTokens: 100 }])
  })
})

describe('the shared database', () => {
  test('of a newer bot-bottle is refused with both numbers (L09)', async () => {
    const url = await server.createDatabase()
    await (await openHost({ url }))[Symbol.asyncDispose]()
    await server.psql(url, 'INSERT INTO bot_bottle.schema_version VALUES (77)')
    await expect(openHost({ url })).rejects.toMatchObject({
      code: 'ledger_unusable',
      message: expect.stringMatching(/has schema 77, this program knows schemas up to 1$/),
    })
  })

  test.each([
    ['that does not exist', (url: string) => `${url}_none`, /does not exist/],
    ['of nobody', (url: string) => url.replace(/:\d+\//, ':1/'), /cannot be reached \(connect ECONNREFUSED/],
    ['of an unknown user', (url: string) => url.replace('bottle@', 'stranger@'), /does not let this user in/],
  ])('%s is refused, without its password (L09)', async (_what, change, message) => {
    const url = change(await server.createDatabase()).replace('@', ':secret@')
    const refusal = await openHost({ url }).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'ledger_unusable', message: expect.stringMatching(message) })
    expect(String(refusal)).not.toContain('secret')
  })

  test.each(['repeatable read', 'serializable'])(
    'is shared within the limit whatever its own isolation is (%s) (L01)',
    async (isolation) => {
      const url = await server.createDatabase()
      const name = new URL(url).pathname.slice(1)
      await server.psql(url, `ALTER DATABASE ${name} SET default_transaction_isolation = '${isolation}'`)
      const hosts = await Promise.all(Array.from({ length: 4 }, () => openHost({ url })))
      for (let round = 1; round <= 10; round++) {
        const key = counterKey(`bottle:${round}`)
        for (const ledger of hosts) await ledger.setLimit(key, 1_000)
        const tries = await Promise.all(
          hosts.map((ledger) => hold(ledger, 600, { governing: [key], chain: [key.scope] })),
        )
        expect(tries.filter(({ outcome }) => outcome.kind === 'reserved')).toHaveLength(1)
      }
    },
  )

  test('is set up once by hosts that come at the same time', async () => {
    const url = await server.createDatabase()
    const hosts = await Promise.all(Array.from({ length: 4 }, () => openHost({ url })))
    expect(new Set(hosts.map(({ hostId }) => hostId)).size).toBe(4)
  })
})
