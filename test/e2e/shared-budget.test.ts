/** Two hosts with controllers of their own that share a budget by a PostgreSQL database. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Finding } from '../../src/cli/context.ts'
import type { BottleView, BudgetList, LedgerHosts, UsageReport } from '../../src/controller/api.ts'
import { typed } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { type PostgresServer, startPostgres } from '../fakes/postgres-server.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { until } from '../fakes/until.ts'

let server: PostgresServer
let one: ProductHost
let other: ProductHost
let url: string
beforeAll(async () => {
  server = await startPostgres()
  url = await server.createDatabase()
  const options = { provider: ['--output-tokens', '600'], settings: `ledger: ${url}\nbudget: {claude: 3000}\n` }
  one = await openProductHost(options)
  other = await openProductHost(options)
})
afterAll(async () => {
  await one[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const inBottle = (script: string) => ['run', '--bottle', 'claude', '--workspace', 'none', '--', 'sh', '-c', script]
const states = async (host: ProductHost) => (await host.json<readonly BottleView[]>(['ps'])).map(({ state }) => state)

test('what one host spends is spent for the other, whose bottle is cut; a budget that is set holds for both (L10)', async () => {
  const call = modelCallInShell()
  const waiting = other.start(inBottle(`${call}; echo; echo is over; read go`), { input: typed })
  await waiting.said(/is over/)
  expect(await states(other)).toEqual(['running'])

  const spending = await one.run(inBottle(`for call in 1 2 3 4 5 6; do ${call}; echo; done`))
  expect(spending.stdout).toContain('billing_error')
  await until('the bottle on the other host is cut', async () => (await states(other))[0] === 'cut')
  const [spent] = await other.json<BudgetList>(['budget', 'list'])
  expect(spent).toMatchObject({ scope: 'host', limitTokens: 3_000, reservedTokens: 0 })
  expect(spent?.settledTokens).toBeGreaterThan(2_900)
  expect(spent?.settledTokens).toBeLessThan(3_100)
  const { rows } = await one.json<UsageReport>(['usage', '--by', 'bottle'])
  expect(rows).toHaveLength(2)
  expect(rows.reduce((sum, { chargeTokens }) => sum + chargeTokens, 0)).toBe(spent?.settledTokens)

  expect((await one.run(['budget', 'set', 'host', 'claude=50000'])).exitCode).toBe(0)
  await until('the other host has the new budget', async () => {
    const [budget] = await other.json<BudgetList>(['budget', 'list'])
    return budget?.limitTokens === 50_000 && budget.origin === 'operator'
  })
  const again = await other.run(inBottle(call))
  expect(again.stdout).not.toContain('billing_error')
  waiting.type('go\n')
  await waiting.ended
})

test('the hosts are listed, and one that never comes back is forgotten', async () => {
  const hosts = async () => one.json<Awaited<ReturnType<LedgerHosts['list']>>>(['ledger', 'hosts'])
  const [first, second, ...rest] = await hosts()
  expect(rest).toEqual([])
  const aHost = {
    hostId: expect.any(String),
    name: hostname(),
    joinedAtMs: expect.any(Number),
    seenAtMs: expect.any(Number),
  }
  expect(first).toEqual({ ...aHost, heldTokens: expect.any(Number) })
  const gone = randomUUID()
  await server.psql(
    url,
    `INSERT INTO bot_bottle.host VALUES ('${gone}', 'gone', now(), now() - interval '2 minutes');
     INSERT INTO bot_bottle.share VALUES ('host', 'claude', 'total', '${gone}', 700, 0, 0)`,
  )
  expect((await hosts()).at(-1)).toMatchObject({ hostId: gone, name: 'gone', heldTokens: 700 })
  expect((await one.run(['ledger', 'hosts'])).stdout).toMatch(/^ID +NAME +JOINED +SEEN +HELD\n/)
  expect(await one.json(['ledger', 'forget-host', gone])).toEqual({ forgotten: gone })
  expect((await hosts()).at(-1)).toMatchObject({ hostId: gone, heldTokens: 0 })

  const living = await one.run(['ledger', 'forget-host', second?.hostId ?? ''])
  expect(living).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('was seen within the last minute') })
  const nobody = await one.run(['ledger', 'forget-host', 'x'])
  expect(nobody.stderr).toMatch(/no host of the shared ledger .* has the id "x"\n.*ledger hosts/)
  const looked = await one.json<readonly Finding[]>(['doctor'])
  expect(looked.find(({ subject }) => subject === 'shared ledger')).toMatchObject({
    ok: true,
    found: expect.stringMatching(/, 3 hosts$/),
  })
})

test('a database that is away is told in one sentence, and nothing is spent that was not granted (I9)', async () => {
  await server.crash()
  const refused = await other.run(inBottle('true'))
  expect(refused.exitCode).toBe(1)
  expect(refused.stderr).toMatch(/the shared ledger postgres:\/\/127\.0\.0\.1:\d+\/test_\w+ cannot be reached/)
  expect(await states(one)).toEqual([])
  await server.start()
  await until('the controller found the database again', async () => (await other.run(inBottle('true'))).exitCode === 0)
})
