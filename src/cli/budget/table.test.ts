import { describe, expect, test } from 'vitest'
import type { BudgetView } from '../../controller/api.ts'
import { budgetTableLines } from './table.ts'

const nowMs = Date.UTC(2026, 10, 22, 12, 30)

function budgetView(changes: Partial<BudgetView> = {}): BudgetView {
  return {
    ...{ scope: 'host', provider: 'claude', period: 'month:2026-11', always: false, origin: 'file' },
    ...{ limitTokens: 50_000_000, settledTokens: 24_673_712, reservedTokens: 12_000, leftTokens: 25_314_288 },
    resetsAtMs: Date.UTC(2026, 11, 1),
    holdsFor: ['claude-3fa2c1', 'run-77ab01'],
    overruledFor: [{ bottleId: 'run-54fd23', byScope: 'run:run-54fd23' }],
    recent: { usedTokens: 12_300_000, exchanges: 40, sinceMs: nowMs - 150 * 60_000 },
    forecast: { kind: 'runs_out', tokensPerHour: 4_920_000, atMs: nowMs + 5 * 3_600_000 },
    ...changes,
  }
}
const run = budgetView({
  ...{ scope: 'run:run-54fd23', period: 'total', limitTokens: 400_000, settledTokens: 0, reservedTokens: 0 },
  ...{ leftTokens: 400_000, resetsAtMs: null, holdsFor: [], overruledFor: [], forecast: { kind: 'idle' } },
  ...{ always: true, origin: 'operator' },
})
const table = (widthColumns: number, budgets = [budgetView(), run]) =>
  budgetTableLines({ budgets, widthColumns, nowMs })
const spaced = (line: string) => line.replaceAll('\u202f', ' ')

test('where nobody looks, a budget is a line of figures and a line of what they mean, without a bar', () => {
  expect(table(Number.POSITIVE_INFINITY).map(spaced)).toEqual([
    'SCOPE           PROVIDER  PERIOD              LIMIT     SETTLED    HELD        LEFT',
    'host            claude    month:2026-11  50 000 000  24 673 712  12 000  25 314 288',
    '  49 % used · at 4.92M an hour it is spent in about 5 h (2026-11-22 17:30 UTC) · resets 2026-12-01 00:00 UTC · holds for claude-3fa2c1, run-77ab01 · not for run-54fd23 (run:run-54fd23 governs)',
    'run:run-54fd23  claude    total             400 000           0       0     400 000  always, set',
    '  0 % used · not used lately · holds for no bottle now',
  ])
})

test('in 80 columns', () => {
  expect(table(80)).toEqual([
    'SCOPE           PROVIDER  PERIOD         LIMIT   LEFT',
    'host            claude    month:2026-11  50.0M  25.3M',
    '  █████████▒░░░░░░░░░░  49 % used',
    '  at 4.92M an hour it is spent in about 5 h (2026-11-22 17:30 UTC)',
    '  resets 2026-12-01 00:00 UTC · holds for claude-3fa2c1, run-77ab01',
    '  not for run-54fd23 (run:run-54fd23 governs)',
    'run:run-54fd23  claude    total           400k   400k  always, set',
    '  ░░░░░░░░░░░░░░░░░░░░  0 % used · not used lately · holds for no bottle now',
  ])
})

describe.each([60, 80, 120, 200])('in a terminal of %i columns', (widthColumns) => {
  const holdsFor = Array.from({ length: 30 }, (_, index) => `claude-${index}`)
  const lines = table(widthColumns, [budgetView({ holdsFor }), run])

  test('no line is wider, and nothing is lost of the details', () => {
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(widthColumns)
    const text = lines.map((line) => line.trim()).join(' ')
    expect(text).toContain(holdsFor.join(', '))
    expect(text).toMatch(
      /49 % used.*it is spent in about 5 h.*resets 2026-12-01.*run-54fd23 \(run:run-54fd23 governs\)/,
    )
  })

  test('each budget has its bar', () => {
    expect(lines.filter((line) => /^ {2}[█▒░]{20} {2}\d+ % used/.test(line))).toHaveLength(2)
  })
})

test.each([
  [{ limitTokens: 100, settledTokens: 99, reservedTokens: 0 }, '███████████████████▊  99 % used'],
  [{ limitTokens: 1_000, settledTokens: 999, reservedTokens: 0 }, '███████████████████▉  99 % used'],
  [{ limitTokens: 100, settledTokens: 100, reservedTokens: 0 }, '████████████████████  100 % used'],
  [{ limitTokens: 100, settledTokens: 130, reservedTokens: 0 }, '████████████████████  130 % used'],
  [{ limitTokens: 0, settledTokens: 0, reservedTokens: 0 }, '████████████████████  100 % used'],
  [{ limitTokens: 100, settledTokens: 0, reservedTokens: 10 }, '▒▒░░░░░░░░░░░░░░░░░░  10 % used'],
])('%j is %s: full only when it is spent', (tokens, expected) => {
  expect(table(200, [budgetView(tokens)])[1 + 1]).toContain(`  ${expected} · `)
})

test('names cannot move the cursor (S16)', () => {
  expect(table(200, [budgetView({ holdsFor: ['a\x1b[2Jb'] })]).join('\n')).not.toContain('\x1b')
})
