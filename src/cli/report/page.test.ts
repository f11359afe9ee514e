import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BudgetList, DenialList } from '../../controller/api.ts'
import { usageRow } from '../usage/rows.fixture.ts'
import { enforcementsOf } from './enforcements.ts'
import { pageMark, pageOf } from './page.ts'
import type { BinnedUsage, Report } from './read-report.ts'
import { groupsBy, maxSeries, seriesBy } from './sums.ts'
import { timeBins } from './time-bins.ts'

const startMs = Date.UTC(2026, 10, 20)
const madeAtMs = Date.UTC(2026, 10, 22, 12)

function report(hostile = 'web', changes: Partial<Report> = {}): Report {
  const names = { provider: hostile, model: hostile, agent: hostile, bottle: hostile }
  const usage: readonly BinnedUsage[] = [{ ...usageRow(), ...names, bin: 0 }]
  const audit = {
    enforcementId: 'a',
    bottleId: hostile,
    action: 'cutoff',
    trigger: 'budget',
    step: null,
    atMs: startMs,
  } as const
  return {
    span: { sinceMs: startMs, untilMs: undefined },
    ...{ madeAtMs, version: '0.1.0', bins: timeBins(startMs, madeAtMs), usage },
    budgets: [
      {
        ...{ scope: `bottle:${hostile}`, provider: hostile, period: 'total', always: false, origin: 'file' },
        ...{ limitTokens: 100, settledTokens: 85, reservedTokens: 5, leftTokens: 10, resetsAtMs: null },
        ...{ holdsFor: [], overruledFor: [], forecast: { kind: 'idle' } },
        recent: { usedTokens: 0, exchanges: 0, sinceMs: startMs },
      },
    ] satisfies BudgetList,
    enforcements: enforcementsOf([
      { ...audit, sequence: 1, phase: 'intent', detail: hostile },
      { ...audit, sequence: 2, phase: 'done', detail: hostile },
    ]),
    denials: [
      {
        ...{
          bottleId: hostile,
          method: 'GET',
          host: hostile,
          path: hostile,
          status: 403,
          code: hostile,
          reason: hostile,
        },
        ...{ count: 3, firstAtMs: startMs, lastAtMs: startMs },
      },
    ] satisfies DenialList,
    ...{ isAuditCut: false, areDenialsCut: false },
    ...changes,
  }
}
const tagsOf = (page: string) => page.match(/<[a-z/!][^>]*>/g) ?? []

test.each([
  '<script>fetch("https://x")</script>',
  '"><img src=x onerror=alert(1)>',
  "'-->]]><!--</style></title><a href=//x>",
])('the name %s is shown, and adds nothing to the page (S16)', (hostile) => {
  const page = pageOf(report(hostile))
  expect(tagsOf(page).map((tag) => tag.split(' ')[0])).toEqual(tagsOf(pageOf(report())).map((tag) => tag.split(' ')[0]))
  expect(page).not.toContain(hostile)
  expect(
    page.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'"),
  ).toContain(hostile)
})

test('asks nobody for anything, and allows its own style alone (S16)', () => {
  const page = pageOf(report())
  const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(page) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  expect(page).toContain(
    `content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"`,
  )
  expect(tagsOf(page).join('')).not.toMatch(/<(?:script|link|img|iframe|object|base|form)|\s(?:src|href|style|on\w+)=/)
  expect(style).not.toMatch(/url\(|@import/)
  expect(page.startsWith(pageMark)).toBe(true)
})

test('has a title, a description and a table for each chart', () => {
  const page = pageOf(report())
  const charts = [...page.matchAll(/<section[^>]*>[\s\S]*?<\/section>/g)].filter(([text]) =>
    text.includes('class="chart"'),
  )
  expect(charts).toHaveLength(5)
  for (const [text] of charts) {
    const [, titleId = '', descriptionId = ''] = /aria-labelledby="([\w-]+) ([\w-]+)"/.exec(text) ?? []
    expect(text).toMatch(new RegExp(`<title id="${titleId}">.+</title><desc id="${descriptionId}">.+</desc>`))
    expect(text).toContain('<caption>')
  }
})

test('tells when there is nothing to tell', () => {
  const empty = pageOf(report('web', { usage: [], budgets: [], enforcements: [], denials: [] }))
  for (const text of [
    'Nothing was used in this time.',
    'No budget is defined',
    'Nothing was enforced.',
    'Nothing was refused',
  ])
    expect(empty).toContain(text)
  expect(empty).not.toContain('NaN')
})

test('whatever the dimension, the series of a chart add up to all that was charged', () => {
  const rows = fc.array(
    fc.record({ bin: fc.nat(4), bottle: fc.integer({ min: 0, max: 20 }).map(String), chargeTokens: fc.nat() }),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(rows, (some) => {
      const usage = some.map((row) => usageRow(row) as BinnedUsage)
      const series = seriesBy('bottle', usage, 5)
      expect(series.length).toBeLessThanOrEqual(maxSeries + 1)
      for (let bin = 0; bin < 5; bin++) {
        const charged = usage.filter((row) => row.bin === bin).reduce((sum, { chargeTokens }) => sum + chargeTokens, 0)
        expect(series.reduce((sum, { tokens }) => sum + (tokens[bin] ?? 0), 0)).toBe(charged)
      }
      const groups = groupsBy('bottle', usage)
      expect(groups.map(({ chargeTokens }) => chargeTokens)).toEqual(
        groups.map(({ chargeTokens }) => chargeTokens).toSorted((one, other) => other - one),
      )
    }),
  )
})
