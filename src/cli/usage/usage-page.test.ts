/** What the tables of docs/usage.md say is so. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { problemInWords } from '../../core/manifest/definition.ts'
import { pricesNotation } from '../../core/manifest/prices.ts'
import { readDocument } from '../../core/manifest/read-document.ts'
import { parseTime } from '../time.ts'
import { costInWords, costReport, plainCosts } from './costs.ts'
import { usageRow } from './rows.fixture.ts'

const page = readFileSync(new URL('../../../docs/usage.md', import.meta.url), 'utf8')

/** The rows of the table whose head begins with this cell, without the head and without marks of code. */
function table(firstCell: string): readonly (readonly string[])[] {
  const [, body] = page.split(`| ${firstCell} |`)
  if (body === undefined) throw new Error(`the page has no table "${firstCell}"`)
  const lines = body.split('\n\n', 1)[0]?.split('\n').slice(2) ?? []
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}

const [, pricesYaml = ''] = /^```yaml prices.yml\n([\s\S]*?)^```$/m.exec(page) ?? []
const prices = readDocument(pricesYaml, 'prices.yml', pricesNotation)

test.each(table('model'))('%s with %i, %i (%i), %i and %i tokens costs %s, shown as %s', (...cells) => {
  if (prices.kind === 'invalid') throw new Error(prices.problems.map(problemInWords).join('\n'))
  const [provider = '', model = ''] = cells[0]?.split('/') ?? []
  const [inputTokens = 0, cacheWriteTokens = 0, cacheWrite1hTokens = 0, cacheReadTokens = 0, outputTokens = 0] = cells
    .slice(1, 6)
    .map(Number)
  const tokens = { inputTokens, cacheWriteTokens, cacheWrite1hTokens, cacheReadTokens, outputTokens }
  const report = costReport({ by: 'agent', rows: [usageRow({ ...tokens, provider, model })] }, prices.value)
  expect([String(plainCosts(report).total.cost), costInWords(report.total)]).toEqual(cells.slice(6))
})

test.each(table('at 2026-11-22 12:00 UTC'))('the time %s is %s', (written, expected) => {
  const parsed = parseTime(written ?? '', Date.UTC(2026, 10, 22, 12))
  expect(parsed.kind === 'time' ? parsed.timeMs : parsed.why).toBe(
    parsed.kind === 'time' ? Date.parse(expected ?? '') : expected,
  )
})
