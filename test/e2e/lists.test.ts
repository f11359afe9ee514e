/** The documented shapes of `--json`, on books with one bottle that spent its budget. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { plainCosts } from '../../src/cli/usage/costs.ts'
import { typed } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { mainPath } from '../integration/command-line.ts'

let host: ProductHost
const bottleId = expect.stringMatching(/^run-[0-9a-f]{6}$/)
const anyNumber = expect.any(Number)
type Row = ReturnType<typeof plainCosts>['rows'][number]

beforeAll(async () => {
  host = await openProductHost({ provider: ['--output-tokens', '3000'] })
  const script = `${modelCallInShell()}; echo; echo is over; read go`
  const options = ['--bottle', 'claude', '--workspace', 'none', '--budget', '1000']
  await host.start(['run', ...options, '--', 'sh', '-c', script], { input: typed }).said(/is over/)
})
afterAll(() => host[Symbol.asyncDispose]())

test('ps --json is a list of bottles with the budgets that hold', async () => {
  expect(await host.json(['ps'])).toEqual([
    {
      id: bottleId,
      agent: 'run',
      definitions: ['claude'],
      state: 'cut',
      policy: 'cutoff',
      contained: true,
      detached: false,
      createdAtMs: anyNumber,
      endedAtMs: null,
      exitCode: null,
      budgets: [
        {
          scope: expect.stringMatching(/^run:run-[0-9a-f]{6}$/),
          provider: 'claude',
          period: 'total',
          limitTokens: 1_000,
          settledTokens: anyNumber,
          reservedTokens: 0,
        },
      ],
      chargedTokens: anyNumber,
      openExchanges: 0,
      scopes: [expect.stringMatching(/^run:run-[0-9a-f]{6}$/), 'agent:run', 'bottle:claude', 'host'],
    },
  ])
})

test.each([
  ['bottle', bottleId],
  ['agent', 'run'],
  ['provider', 'claude'],
  ['model', 'claude-opus-4-8'],
  ['day', expect.stringMatching(/^\d{4}-\d\d-\d\d$/)],
  ['hour', expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:00Z$/)],
])('usage --by %s --json is a report with one row for each', async (by, group) => {
  expect(await host.json(['usage', '--by', by])).toEqual({
    by,
    rows: [
      {
        group,
        provider: 'claude',
        exchanges: 1,
        inputTokens: anyNumber,
        cacheWriteTokens: anyNumber,
        cacheWrite1hTokens: anyNumber,
        cacheReadTokens: anyNumber,
        outputTokens: anyNumber,
        reasoningTokens: anyNumber,
        chargeTokens: anyNumber,
        estimatedTokens: anyNumber,
      },
    ],
  })
})

test('usage --csv has a line for each row under the names of the JSON', async () => {
  const { stdout } = await host.run(['usage', '--by', 'day', '--since', '2d', '--csv'])
  expect(stdout).toMatch(/^group,provider,exchanges,inputTokens,.*,estimatedTokens\n\d{4}-\d\d-\d\d,claude,1,\d+,.*\n$/)
})

test('usage --cost prices what has a price, and says what has none', async () => {
  const pricesPath = join(host.home, 'own-prices.yml')
  await writeFile(pricesPath, 'currency: USD\nmodels: {claude/claude-opus*: {input: 1000000, output: 1000000}}\n')
  const words = ['usage', '--by', 'agent', '--prices', pricesPath]
  const [row] = (await host.json<{ readonly rows: readonly Row[] }>(words)).rows
  expect(Number(row?.cost)).toBe((row?.inputTokens ?? 0) + (row?.outputTokens ?? 0))
  expect(row).toMatchObject({
    group: 'run',
    unpricedTokens: (row?.cacheReadTokens ?? 0) + (row?.cacheWriteTokens ?? 0),
  })
  expect((await host.run(words)).stdout).toMatch(/ COST USD\n.*\ntotal: .* USD\n$/)
  await writeFile(pricesPath, 'currency: USD\nmodels: {claude/x: {input: 1, output: 1}}\n')
  const unpriced = await host.run(words)
  expect(unpriced.stdout).toMatch(/ \?\ntotal: \? USD\n$/)
  expect(unpriced.stderr).toMatch(/tokens have no price, of: claude\/claude-opus-4-8\n$/)
})

test('usage --limit leaves out what was charged less', async () => {
  const all = (await host.json<{ readonly rows: readonly Row[] }>(['usage', '--by', 'model'])).rows
  const first = (await host.json<{ readonly rows: readonly Row[] }>(['usage', '--by', 'model', '--limit', '1'])).rows
  expect(first).toEqual(all.slice(0, 1))
  expect(first).toHaveLength(1)
})

test('usage of a time in which nothing was used says so; as CSV it is the names alone', async () => {
  const before = ['usage', '--by', 'day', '--until', '1d']
  expect(await host.run(before)).toMatchObject({ stdout: '', stderr: 'bot-bottle: nothing was used\n' })
  expect((await host.run([...before, '--csv'])).stdout).toMatch(/^group,.*\n$/)
})

test('audit --json is a list of intents, their steps and what came of them', async () => {
  const entry = { sequence: anyNumber, enforcementId: expect.any(String), bottleId, atMs: anyNumber }
  const cut = { ...entry, action: 'cutoff', trigger: 'budget', detail: expect.any(String) }
  expect(await host.json(['audit'])).toEqual([
    { ...cut, phase: 'intent', step: null },
    { ...cut, phase: 'step', step: 'close' },
    { ...cut, phase: 'done', step: null },
  ])
})

test('controller status --json says which one runs', async () => {
  const status = { version: expect.any(String), pid: anyNumber, home: host.home, startedAtMs: anyNumber }
  expect(await host.json(['controller', 'status'])).toEqual({
    ...status,
    livingBottles: 1,
    notifications: expect.any(Array),
  })
})

test('the same lists are tables without --json', async () => {
  expect((await host.run(['ps'])).stdout).toMatch(
    /^ID +AGENT +STATE +AGE +TOKENS +BUDGET *\nrun-[0-9a-f]{6} +run +cut .* of 1.000 \(run run-/,
  )
  expect((await host.run(['usage'])).stdout).toMatch(/^BOTTLE +PROVIDER +EXCHANGES .*\nrun-[0-9a-f]{6} +claude +1 /)
  expect((await host.run(['audit'])).stdout).toMatch(
    /^TIME +BOTTLE +ACTION +BY +PHASE +DETAIL *\n\d{4}-\d\d-\d\dT[\d:]{8}Z +run-[0-9a-f]{6} +cutoff +budget +intent +budget spent/,
  )
})

describe('in a terminal', () => {
  /** What a terminal of so many columns is sent. `script` gives one. */
  async function shown(words: string, widthColumns: number, env: Readonly<Record<string, string>>): Promise<string> {
    const line = `stty cols ${widthColumns}; "${process.execPath}" "${mainPath}" ${words}`
    const within = ['sh', '-c', 'exec script -qec "$1" /dev/null', 'sh', line]
    const { exitCode, stdout } = await host.start([], { within, env }).ended
    expect(exitCode).toBe(0)
    return stdout
  }

  test.each([60, 80, 120, 200])(
    'of %i columns bars fit, in block characters where these can be shown',
    async (width) => {
      for (const words of ['usage --by day', 'budget list']) {
        const drawn = await shown(words, width, { LANG: 'C.UTF-8' })
        expect(drawn).toMatch(/[█▒]{10,}/)
        for (const line of drawn.split('\r\n')) expect([...line].length).toBeLessThanOrEqual(width)
      }
    },
  )

  test.each([{ LANG: 'C' }, { LANG: 'C', NO_COLOR: '1' }, { LC_ALL: 'POSIX', LANG: 'C.UTF-8' }])(
    'whose locale is %j bars are plain ASCII, without an escape sequence',
    async (env) => {
      const drawn = (await shown('usage --by day', 80, env)) + (await shown('budget list', 80, env))
      expect(drawn).toMatch(/[#+]{10,}\r\n[\s\S]*[#+.]{20} /)
      expect(drawn).toMatch(/^[ -~\r\n]*$/)
    },
  )

  test('NO_COLOR asks for no colour, and bars are no colour', async () => {
    const drawn = await shown('usage --by hour', 80, { LANG: 'C.UTF-8', NO_COLOR: '1' })
    expect(drawn).toMatch(/[█▒]{10,}/)
    expect(drawn).not.toContain('\x1b')
  })
})

test('usage --estimator shows how near the estimates came, for each model', async () => {
  const call = modelCallInShell({ documentTokens: 20 })
  await host.run(['run', '--bottle', 'claude', '--workspace', 'none', '--', 'sh', '-c', call])
  const figures = {
    samples: 1,
    meanErrorPercent: anyNumber,
    p95ErrorPercent: anyNumber,
    marginPercent: anyNumber,
    underestimatesPercent: anyNumber,
    updatedAtMs: anyNumber,
  }
  expect(await host.json(['usage', '--estimator'])).toEqual([
    { provider: 'claude', model: '', ...figures },
    { provider: 'claude', model: 'claude-opus-4-8', ...figures },
  ])
  expect((await host.run(['usage', '--estimator'])).stdout).toMatch(
    /^PROVIDER +MODEL +SAMPLES +ERROR % .*\nclaude +\(all\) +1 .*\nclaude +claude-opus-4-8 +1 /,
  )
})
