import { expect, test } from 'vitest'
import { costInWords, costReport, plainCosts } from './costs.ts'
import { usageRow } from './rows.fixture.ts'
import { usageTableLines } from './table.ts'

const table = {
  currency: 'EUR',
  models: new Map([
    ['claude/opus', { input: 5_000_000, output: 25_000_000, cacheRead: 0, cacheWrite: 0 }],
    ['claude/haiku', { input: 1_000_000, output: 5_000_000 }],
  ]),
}
const none = { cacheWriteTokens: 0, cacheReadTokens: 0, outputTokens: 0, exchanges: 1 }
const rows = [
  usageRow({ ...none, group: 'web', model: 'haiku', inputTokens: 100_000, chargeTokens: 100_000 }),
  usageRow({ ...none, group: 'api', model: 'opus', inputTokens: 700_000, chargeTokens: 700_000, estimatedTokens: 5 }),
  usageRow({ ...none, group: 'web', model: 'opus', inputTokens: 800_000, chargeTokens: 800_000 }),
  usageRow({ ...none, group: 'web', model: 'sonnet', inputTokens: 1_000, chargeTokens: 1_000 }),
  usageRow({ ...none, group: 'old', model: '', inputTokens: 9, chargeTokens: 9 }),
]
const report = costReport({ by: 'agent', rows }, table)

test('models are priced each by itself and added up to the rows that were asked for, the largest charge first', () => {
  expect(plainCosts(report)).toEqual({
    by: 'agent',
    currency: 'EUR',
    rows: [
      expect.objectContaining({ group: 'web', exchanges: 3, inputTokens: 901_000, cost: '4.1', unpricedTokens: 1_000 }),
      expect.objectContaining({ group: 'api', exchanges: 1, estimatedTokens: 5, cost: '3.5', unpricedTokens: 0 }),
      expect.objectContaining({ group: 'old', cost: null, unpricedTokens: 9 }),
    ],
    total: { cost: '7.6', unpricedTokens: 1_009 },
  })
  for (const row of plainCosts(report).rows) expect(row).not.toHaveProperty('model')
})

test('what has no price is named, and never shown as 0', () => {
  expect(report.unpricedModels).toEqual(['claude/(unknown)', 'claude/sonnet'])
  expect(report.rows.map(({ cost }) => costInWords(cost))).toEqual(['4.10 + ?', '3.50', '?'])
  const lines = usageTableLines({ by: 'agent', lines: report.rows, currency: 'EUR', widthColumns: 80 })
  expect(lines[0]).toMatch(/ COST EUR /)
  expect(lines[3]).toMatch(/^old +claude .* \? +▏$/)
})

test('days stay in their order', () => {
  const days = [
    usageRow({ group: '2026-11-20', chargeTokens: 1 }),
    usageRow({ group: '2026-11-21', chargeTokens: 2, model: 'opus' }),
  ]
  expect(costReport({ by: 'day', rows: days }, table).rows.map(({ group }) => group)).toEqual([
    '2026-11-20',
    '2026-11-21',
  ])
})

test('what costs nothing costs 0, also where no price is known', () => {
  const unsent = usageRow({ ...none, group: 'x', inputTokens: 0, chargeTokens: 0, model: '' })
  expect(plainCosts(costReport({ by: 'agent', rows: [unsent] }, table))).toMatchObject({
    rows: [{ cost: '0', unpricedTokens: 0 }],
    total: { cost: '0' },
  })
})

test.each([60, 80, 120, 200])('costs are seen in a terminal of %i columns', (widthColumns) => {
  for (const line of usageTableLines({ by: 'agent', lines: report.rows, currency: 'EUR', widthColumns })) {
    expect(line.length).toBeLessThanOrEqual(widthColumns)
    expect(line).toMatch(/COST EUR|4\.10 \+ \?|3\.50| \? /)
  }
})
