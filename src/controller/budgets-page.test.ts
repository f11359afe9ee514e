/** Every table of docs/budgets.md is so, and every example can be used. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type DefinedBudget, plainBudget, rolesInChain } from '../core/budget/defined-budget.ts'
import { forecast } from '../core/budget/forecast.ts'
import { forecastInWords } from '../core/budget/forecast-words.ts'
import { parseLimitTokens } from '../core/budget/limit.ts'
import { type Period, periodKey, periodOfKey, periods } from '../core/budget/period.ts'
import { type Weights, weigh, weightPresets } from '../core/budget/weights.ts'
import { problemInWords } from '../core/manifest/definition.ts'
import { parseSettings } from '../core/manifest/settings.ts'
import { openSqliteLedger } from '../ledger/sqlite/sqlite-ledger.ts'
import { holdFor } from '../proxy/hold.ts'

const page = readFileSync(new URL('../../docs/budgets.md', import.meta.url), 'utf8')

/** The rows of the table whose head begins with this cell, without the head. */
function table(firstCell: string): readonly (readonly string[])[] {
  const lines = page.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${firstCell} |`))
  if (head === -1) throw new Error(`the page has no table "${firstCell}"`)
  const rows: string[][] = []
  for (let at = head + 2; lines[at]?.startsWith('|'); at += 1) {
    rows.push((lines[at]?.slice(1, -1) ?? '').split('|').map((cell) => cell.trim()))
  }
  return rows
}

/** `–`, `1000`, `1000 always`, `1000/day + 9000/month`. */
function budgetsIn(cell: string): readonly DefinedBudget[] {
  if (cell === '–') return []
  return cell.split(' + ').map((one) => {
    const [amount = '', always] = one.split(' ')
    const [limit = '', period = 'total'] = amount.split('/')
    const parsed = parseLimitTokens(limit)
    const known = periods.find((name) => name === period)
    if (parsed.kind === 'invalid' || !known) throw new Error(`"${cell}" is no budget`)
    const plain = plainBudget({ provider: 'claude', limitTokens: parsed.limitTokens })
    return { ...plain, period: known, always: always === 'always' }
  })
}

test.each(table('host'))('of host %s, base %s, web %s, agent %s, --budget %s: %s', (...cells) => {
  const scopes = ['host', 'base', 'web', 'agent', 'run']
  const chain = scopes.map((scope, index) => ({ scope, budgets: budgetsIn(cells[index] ?? '') })).toReversed()
  const holding = rolesInChain(chain, 'claude').filter(({ role }) => role !== 'overruled')
  const named = holding.map(({ scope, budget: { period } }) => (period === 'total' ? scope : `${scope} a ${period}`))
  expect(named.join(', ') || 'nothing: tokens are only counted').toBe(cells[5])
})

test.each(table('left'))('with %s left, %s used from %s on, reset %s: %s', (left, used, since, reset, expected) => {
  const at = (text = '') => Date.parse(`2026-${text}Z`)
  const nowMs = at('11-22 12:30')
  const resetsAtMs = reset === '–' ? null : at(reset)
  const recent = { usedTokens: Number(used), exchanges: 9, sinceMs: at(since) }
  const told = forecast({ leftTokens: Number(left), resetsAtMs, recent, nowMs })
  expect(forecastInWords({ forecast: told, resetsAtMs }, nowMs)).toBe(expected)
})

test('the example of periods goes as it says, line by line', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-page-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await using ledger = await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'page' })
  const [, budgets = ''] = /With `([^`]*)` at the host/.exec(page) ?? []
  const host = { scope: 'host', provider: 'claude' }
  for (const { period, limitTokens } of budgetsIn(budgets)) await ledger.setLimit({ ...host, period }, limitTokens)
  const rows = table('time (UTC)')
  expect(rows.length).toBeGreaterThan(5)
  for (const [index, [time = '', uses = '', answer = '', day, month]] of rows.entries()) {
    const nowMs = Date.parse(`2026-${time.replace(' ', 'T')}Z`)
    const keyOf = (period: Period) => ({ ...host, period: periodKey(period, { atMs: nowMs, run: 'run:web-1' }) })
    const request = {
      ...{ attemptId: `${index}`, bottleId: 'web-1', agent: 'web', provider: 'claude', model: null, nowMs },
      ...{ holdTokens: Number(uses), holdsRoom: true, inputTokens: Number(uses), chain: ['run:web-1', 'host'] },
      governing: [keyOf('day'), keyOf('month')],
    }
    const outcome = await ledger.reserve(request)
    if (outcome.kind === 'reserved') {
      const charge = { usage: {}, chargeTokens: Number(uses), source: 'authoritative', model: null } as const
      await ledger.settle({ attemptId: `${index}`, ...charge, ending: 'complete', nowMs })
      expect(answer).toBe('sent')
    } else {
      const { limitTokens, settledTokens, period } = outcome.counter
      expect(answer).toBe(`refused: ${settledTokens} of ${limitTokens} a ${periodOfKey(period)}`)
    }
    expect([day, month].map(Number)).toEqual([
      (await ledger.counter(keyOf('day'))).settledTokens,
      (await ledger.counter(keyOf('month'))).settledTokens,
    ])
  }
})

test('the weights are those of the presets', () => {
  const columns = table('class').map(([, raw, effective]) => [Number(raw), Number(effective)])
  const classes: readonly (keyof Weights)[] = ['input', 'cacheWrite', 'cacheRead', 'output']
  expect(columns).toEqual(classes.map((name) => [weightPresets.raw[name], weightPresets.effective[name]]))
})

test.each(table('input').map((row) => row.map(Number)))(
  'input %i, cache write %i, cache read %i and output %i are charged %i raw and %i effective',
  (input = 0, cacheWrite = 0, cacheRead = 0, output = 0, raw = 0, effective = 0) => {
    const tokens = { input, cacheWrite, cacheRead, output }
    expect([weigh(tokens, weightPresets.raw), weigh(tokens, weightPresets.effective)]).toEqual([raw, effective])
  },
)

test.each(table('client allows'))('where the client allows %s, a call holds %s, %s or %s', (allows, ...held) => {
  const maxOutputTokens = allows === 'any' ? undefined : Number(allows)
  const foreseen = { inputTokens: 1_000, upperInputTokens: 1_100, maxOutputTokens, answerCount: 1 }
  const holds = (['lease', 'strict', 'off'] as const).map((gate) => {
    const { holdTokens, holdsRoom } = holdFor(foreseen, { gate, weights: weightPresets.raw })
    return holdsRoom ? holdTokens : 0
  })
  expect(holds).toEqual(held.map(Number))
})

test('the settings are read as the page says', () => {
  const [, text = ''] = /^```yaml settings\.yml\n([\s\S]*?)^```$/m.exec(page) ?? []
  const parsed = parseSettings(text, { file: 'settings.yml', providers: ['claude', 'codex'] })
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.map(problemInWords).join('\n'))
  expect(parsed.settings).toMatchObject({
    budgets: [
      { provider: 'claude', limitTokens: 5_000_000, period: 'month', always: false },
      { provider: 'codex', limitTokens: 2_000_000, period: 'week', always: false },
    ],
    weights: weightPresets.effective,
    gate: 'lease',
    thresholdsPercent: [75, 90],
  })
})
