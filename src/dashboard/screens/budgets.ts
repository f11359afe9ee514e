/** All budgets, two lines each: how much is used of how much at which rate, and below what that leads to. */
import { forecastInWords } from '../../core/budget/forecast-words.ts'
import { periodOfKey } from '../../core/budget/period.ts'
import { utcMinute } from '../../core/calendar.ts'
import { compactNumber } from '../../core/compact-number.ts'
import { type BudgetRow, budgetRows } from '../model/budgets.ts'
import { selectedKey } from '../model/selection.ts'
import type { State } from '../model/state.ts'
import { type Column, fitted } from '../text/columns.ts'
import { banner, joined, type Line, span } from '../text/line.ts'
import { sparkline } from '../text/sparkline.ts'
import { selectable } from './bottles.ts'
import { listLines, type Page } from './page.ts'
import { usedBar } from './used.ts'

export function budgetsScreen(state: State, { columns, rows }: Page): readonly Line[] {
  const shown = budgetRows(state)
  const key = selectedKey(state, 'budgets')
  const selected = shown.findIndex((row) => row.key === key)
  const table = fitted(budgetColumns(columns), shown, columns - 2)
  const entries = shown.map((row, index) => {
    const isSelected = index === selected
    const details = [span('    '), ...detailLine(row, state.nowMs, columns - 4)]
    return [
      selectable(table.rows[index] ?? [], isSelected, columns),
      isSelected ? banner(details, 'selected', columns) : details,
    ]
  })
  const empty = state.isLoaded
    ? '  No budget is set. Set one for this host: bot-bottle budget set host claude=1000000'
    : '  …'
  return listLines({ head: [span('  '), ...table.head], entries, selected, empty }, rows)
}

/** Of a screen that is wide enough for sparklines beside the figures. */
const wideColumns = 120
const sparkColumns = 16

function budgetColumns(columns: number): readonly Column<BudgetRow>[] {
  const isWide = columns >= wideColumns
  return [
    { title: 'SCOPE', align: 'left', rank: 0, minColumns: 14, cell: ({ budget }) => span(budget.scope, 'strong') },
    { title: 'PROVIDER', align: 'left', rank: 1, cell: ({ budget }) => budget.provider },
    {
      title: 'PERIOD',
      align: 'left',
      rank: 4,
      cell: ({ budget }) => (isWide ? budget.period : periodOfKey(budget.period)),
    },
    { title: 'USED', align: 'left', rank: 0, cell: (row) => usedBar(row, isWide ? 30 : 12) },
    { title: 'SETTLED', align: 'right', rank: 2, cell: ({ budget }) => compactNumber(budget.settledTokens) },
    { title: 'HELD', align: 'right', rank: 5, cell: ({ heldTokens }) => figure(heldTokens) },
    { title: 'LIMIT', align: 'right', rank: 0, cell: ({ budget }) => compactNumber(budget.limitTokens) },
    { title: '/MIN', align: 'right', rank: 3, cell: (row) => figure(row.tokensPerMinute) },
    ...(isWide
      ? [
          {
            ...({ title: 'LAST HOUR', align: 'left', rank: 6 } as const),
            cell: (row: BudgetRow) => span(sparkline(row.lastHour, 30), 'accent'),
          },
        ]
      : []),
  ]
}

function figure(tokens: number) {
  return tokens === 0 ? span('·', 'dim') : span(compactNumber(tokens))
}

/** What fits of: the last hour, where it leads, its reset, whom it holds for. */
function detailLine(row: BudgetRow, nowMs: number, columns: number): Line {
  const { budget, forecast } = row
  const isWide = columns + 4 >= wideColumns
  const [outlook = '', at = ''] = forecastInWords({ forecast, resetsAtMs: budget.resetsAtMs }, nowMs).split(/ \(|\)/)
  const tone = forecast.kind === 'spent' ? 'bad' : forecast.kind === 'runs_out' ? 'warn' : 'dim'
  const rest = [
    at,
    budget.resetsAtMs === null ? '' : `resets ${utcMinute(budget.resetsAtMs)}`,
    holdersInWords(budget.holdsFor),
    budget.always ? 'always' : '',
    budget.origin === 'operator' ? 'set by an operator' : '',
  ]
  const spark: Line = isWide ? [] : [span(`${sparkline(row.lastHour, sparkColumns)}  `, 'accent')]
  const left = columns - (isWide ? 0 : sparkColumns + 2) - outlook.length - ' · '.length
  const more = joined(rest, left)
  return [...spark, span(outlook, tone), span(more === '' ? '' : ` · ${more}`, 'dim')]
}

function holdersInWords(ids: readonly string[]): string {
  if (ids.length === 0) return 'holds for no bottle now'
  return ids.length === 1 ? `holds for ${ids[0]}` : `holds for ${ids.length} bottles`
}
