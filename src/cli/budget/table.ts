/** Budgets as a table; below the figures of each, indented: a bar, its forecast, its reset, and for whom it holds. */
import type { BudgetView } from '../../controller/api.ts'
import { forecastInWords } from '../../core/budget/forecast-words.ts'
import { utcMinute } from '../../core/calendar.ts'
import { compactNumber } from '../../core/compact-number.ts'
import { barOnTrack } from '../bar.ts'
import { inert } from '../inert.ts'
import { type Cell, type Column, naturalWidths, tableLines } from '../table.ts'

export interface BudgetTable {
  readonly budgets: readonly BudgetView[]
  /** Unlimited where it is no terminal: then there is no bar, and the details of a budget are one line. */
  readonly widthColumns: number
  readonly nowMs: number
}

type Figure = readonly [title: string, of: (budget: BudgetView) => number]
const limit: Figure = ['LIMIT', (budget) => budget.limitTokens]
const used: readonly Figure[] = [
  ['SETTLED', (budget) => budget.settledTokens],
  ['HELD', (budget) => budget.reservedTokens],
]
const left: Figure = ['LEFT', (budget) => budget.leftTokens]

interface Layout {
  readonly figures: readonly Figure[]
  readonly isCompact: boolean
}

/** The best first. The last is taken however narrow it gets: how much is used is in the line below. */
const layouts: readonly Layout[] = [
  { figures: [limit, ...used, left], isCompact: false },
  { figures: [limit, ...used, left], isCompact: true },
  { figures: [limit, left], isCompact: true },
]
const gapColumns = 2
const indent = '  '
const barColumns = 20

export function budgetTableLines({ budgets, widthColumns, nowMs }: BudgetTable): string[] {
  const [head = '', ...figures] = figureLines(budgets, widthColumns)
  const details = budgets.map((budget) => detailLines(budget, widthColumns, nowMs))
  return [head, ...figures.flatMap((line, index) => [line, ...(details[index] ?? [])])]
}

function figureLines(budgets: readonly BudgetView[], widthColumns: number): string[] {
  const tables = layouts.map((layout) => cellsOf(budgets, layout))
  const fitting = tables.find(({ columns, rows }) => {
    const widths = naturalWidths(columns, rows)
    return widths.reduce((sum, width) => sum + width, gapColumns * (columns.length - 1)) <= widthColumns
  })
  const { columns, rows } = fitting ?? tables.at(-1) ?? { columns: [], rows: [] }
  return tableLines(columns, rows, widthColumns)
}

function cellsOf(budgets: readonly BudgetView[], { figures, isCompact }: Layout) {
  const columns: readonly Column[] = [
    ...['SCOPE', 'PROVIDER', 'PERIOD'].map((title) => ({ title })),
    ...figures.map(([title]) => ({ title, align: 'right' as const })),
    { title: '' },
  ]
  const rows = budgets.map((budget): readonly Cell[] => {
    const tokens = figures.map(([, of]) => (isCompact ? compactNumber(of(budget)) : of(budget)))
    return [budget.scope, budget.provider, budget.period, ...tokens, marksOf(budget)]
  })
  return { columns, rows }
}

function marksOf({ always, origin }: BudgetView): string {
  return [...(always ? ['always'] : []), ...(origin === 'operator' ? ['set'] : [])].join(', ')
}

function detailLines(budget: BudgetView, widthColumns: number, nowMs: number): readonly string[] {
  const isTerminal = Number.isFinite(widthColumns)
  const parts = [
    `${isTerminal ? `${barOf(budget)}  ` : ''}${usedPercent(budget)} % used`,
    forecastInWords(budget, nowMs),
    ...(budget.resetsAtMs === null ? [] : [`resets ${utcMinute(budget.resetsAtMs)}`]),
    ...holdersInWords(budget),
  ]
  return wrapped(parts.map(inert), widthColumns)
}

function barOf({ settledTokens, reservedTokens, limitTokens }: BudgetView): string {
  const [solid, light] = limitTokens === 0 ? [1, 0] : [settledTokens, reservedTokens]
  return barOnTrack({ solid, light, whole: limitTokens, widthColumns: barColumns })
}

/** Rounded down: 100 only when nothing is left. */
function usedPercent({ limitTokens, settledTokens, reservedTokens }: BudgetView): number {
  return limitTokens === 0 ? 100 : Math.floor(((settledTokens + reservedTokens) / limitTokens) * 100)
}

function holdersInWords({ holdsFor, overruledFor }: BudgetView): readonly string[] {
  const overruled = overruledFor.map(({ bottleId, byScope }) => `${bottleId} (${byScope} governs)`)
  return [
    holdsFor.length > 0 ? `holds for ${holdsFor.join(', ')}` : 'holds for no bottle now',
    ...(overruled.length > 0 ? [`not for ${overruled.join(', ')}`] : []),
  ]
}

const separator = ' · '

/** As many parts on a line as fit; one that is longer than a line goes on in the next. */
function wrapped(parts: readonly string[], widthColumns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const part of parts) {
    const longer = line === '' ? part : `${line}${separator}${part}`
    if (indent.length + longer.length <= widthColumns) line = longer
    else {
      if (line !== '') lines.push(line)
      line = part
    }
    while (indent.length + line.length > widthColumns) {
      const room = widthColumns - indent.length
      const space = line.lastIndexOf(' ', room)
      const end = space > 0 ? space : room
      lines.push(line.slice(0, end))
      line = line.slice(end).trimStart()
    }
  }
  return [...lines, line].map((text) => `${indent}${text}`)
}
