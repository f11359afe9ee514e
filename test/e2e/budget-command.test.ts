/** `budget list`, `set`, `unset` and `explain` on running bottles. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BottleView, BudgetExplanation, BudgetList } from '../../src/controller/api.ts'
import { typed } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { until } from '../fakes/until.ts'

let host: ProductHost
beforeAll(async () => {
  host = await openProductHost({
    provider: ['--output-tokens', '600'],
    settings: 'budget: {claude: {limit: 50000, period: month}}\n',
  })
})
afterAll(() => host[Symbol.asyncDispose]())

const budget = (...words: readonly string[]) => host.run(['budget', ...words])
const states = async () => (await host.json<readonly BottleView[]>(['ps'])).map(({ state }) => state)

/** A bottle that made one call and waits. */
async function startBottle(...options: readonly string[]): Promise<string> {
  const before = new Set((await host.json<readonly BottleView[]>(['ps', '--all']).catch(() => [])).map(({ id }) => id))
  const script = `${modelCallInShell()}; echo; echo is over; read go; ${modelCallInShell()}; read go`
  const words = ['run', '--bottle', 'claude', '--workspace', 'none', ...options, '--', 'sh', '-c', script]
  await host.start(words, { input: typed }).said(/is over/)
  const [bottle] = (await host.json<readonly BottleView[]>(['ps'])).filter(({ id }) => !before.has(id))
  if (!bottle) throw new Error('the bottle does not live')
  return bottle.id
}

test('budgets are listed, explained, set and unset while bottles run (L10, L15)', async () => {
  const shared = await startBottle()
  const own = await startBottle('--budget', '40000')

  const listed = await host.json<BudgetList>(['budget', 'list'])
  expect(listed).toMatchObject([
    {
      scope: 'host',
      period: expect.stringMatching(/^month:/),
      limitTokens: 50_000,
      origin: 'file',
      holdsFor: [shared],
      overruledFor: [{ bottleId: own, byScope: `run:${own}` }],
      forecast: { kind: 'unknown' },
    },
    { scope: `run:${own}`, period: 'total', limitTokens: 40_000, origin: 'operator', holdsFor: [own] },
  ])
  expect(listed[0]?.settledTokens).toBeGreaterThan(1_200)
  const { stdout } = await budget('list')
  expect(stdout).toMatch(/^SCOPE +PROVIDER +PERIOD +LIMIT +SETTLED +HELD +LEFT\n/)
  expect(stdout).toMatch(
    new RegExp(
      `^host +claude +month:\\S+ +50\\D000 +1\\D\\d{3} +0 +48\\D\\d{3}\n  \\d % used · too little use .* · resets \\S+ 00:00 UTC · holds for ${shared} · not for ${own} \\(run:${own} governs\\)$`,
      'm',
    ),
  )

  expect((await budget('explain', own)).stdout).toMatch(
    new RegExp(
      `^claude:\n  run ${own} governs, as the most specific scope that has a budget: \\d+ of 40\\D000 used, .* left\n  this host, per month does not hold, since run ${own} is more specific: .*\n$`,
    ),
  )
  const always = await budget('set', 'host', 'claude=30000', '--period', 'day', '--always')
  expect(always).toMatchObject({ exitCode: 0, stderr: 'bot-bottle: host has 30\u202f000 claude tokens per day\n' })
  const explained = await host.json<BudgetExplanation>(['budget', 'explain', own])
  expect(explained).toMatchObject([
    { scope: `run:${own}`, role: 'governs' },
    { scope: 'host', role: 'always', period: expect.stringMatching(/^day:/), origin: 'operator', always: true },
  ])

  expect((await budget('set', 'host', 'claude=1000', '--always')).exitCode).toBe(0)
  await until('both are cut', async () => (await states()).every((state) => state === 'cut'))
  const refused = await host.run(['restore', own])
  expect(refused.stderr).toContain('bot-bottle: budget spent (this host): ')
  expect(refused.stderr).toContain(`or: bot-bottle budget set host claude=N; then again: bot-bottle restore ${own}`)

  expect((await budget('unset', 'host', 'claude')).stderr).toBe(
    'bot-bottle: what was set for claude at host is gone; files say what holds\n',
  )
  expect((await budget('unset', 'host', 'claude')).stderr).toBe('bot-bottle: nothing was set for claude at host\n')
  for (const id of [shared, own]) expect((await host.run(['restore', id])).exitCode).toBe(0)
  expect(await states()).toEqual(['running', 'running'])
})

test('what was set outlives the controller, and files do not undo it', async () => {
  await budget('set', 'bottle:claude', 'claude=0')
  await host.run(['controller', 'stop', '--force'])
  await host.start(['controller', 'run']).said(/is ready/)
  expect(await host.json<BudgetList>(['budget', 'list'])).toMatchObject([
    { scope: 'host', limitTokens: 50_000 },
    { scope: 'bottle:claude', limitTokens: 0, origin: 'operator', holdsFor: [] },
  ])
  const words = ['run', '--bottle', 'claude', '--workspace', 'none', '--', 'sh', '-c', modelCallInShell()]
  expect((await host.run(words)).stdout).toMatch(/budget spent \(bottle claude\): [\d,]+ of 0 claude tokens used/)
  await budget('unset', 'bottle:claude', 'claude')
  expect((await host.run(words)).stdout).toContain('event: message_stop')
})

test.each([
  [['set', 'host', '5000'], 2, 'Write PROVIDER=5000, e.g. claude=5000.'],
  [['set', 'host', 'claude=1e9'], 2, 'write 1000000000'],
  [['set', 'host', 'claude=5', '--period', 'year'], 2, 'Allowed choices are total, run, day, week, month'],
  [['set', 'hosts', 'claude=5'], 2, '"hosts" is no scope'],
  [['set', 'bottle:cluade', 'claude=5'], 1, 'Did you mean bottle:claude?'],
  [['explain', 'claude-000000'], 1, 'there is no bottle "claude-000000"'],
])('budget %j is refused with advice', async (words, exitCode, advice) => {
  const { stderr, ...end } = await budget(...words)
  expect(end.exitCode).toBe(exitCode)
  expect(stderr).toContain(advice)
})
