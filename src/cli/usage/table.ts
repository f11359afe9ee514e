/**
 * A report of usage as a table. Where the terminal is wide enough each row has a bar of what was charged; where it is narrow,
 * first the numbers get shorter, then columns go, those that matter least first.
 */
import type { UsageReport } from '../../controller/api.ts'
import { compactNumber } from '../../core/compact-number.ts'
import type { Cost } from '../../core/pricing/cost.ts'
import { barOf, lightGlyph } from '../bar.ts'
import { type Cell, type Column, naturalWidths, tableLines } from '../table.ts'
import { costInWords } from './costs.ts'

type UsageGrouping = UsageReport['by']
type UsageRow = Omit<UsageReport['rows'][number], 'model'> & { readonly cost?: Cost }

/** A row, or a time on the axis at which nothing was used. */
export type UsageLine = UsageRow | { readonly group: string; readonly provider?: never }

export interface UsageTable {
  readonly by: UsageGrouping
  readonly lines: readonly UsageLine[]
  /** Of the costs in the rows; without it no cost is shown. */
  readonly currency?: string
  /** Unlimited where it is no terminal: then all is shown, and no bar. */
  readonly widthColumns: number
}

interface Figure {
  readonly title: string
  readonly shortTitle: string
  readonly of: (row: UsageRow) => number | string
}

const charged: Figure = { title: 'CHARGED', shortTitle: 'CHARGED', of: (row) => row.chargeTokens }
const estimated: Figure = { title: 'ESTIMATED', shortTitle: 'ESTIM.', of: (row) => row.estimatedTokens }
const tokenClasses: readonly Figure[] = [
  { title: 'INPUT', shortTitle: 'INPUT', of: (row) => row.inputTokens },
  { title: 'CACHE WRITE', shortTitle: 'WRITE', of: (row) => row.cacheWriteTokens },
  { title: 'CACHE READ', shortTitle: 'READ', of: (row) => row.cacheReadTokens },
  { title: 'OUTPUT', shortTitle: 'OUTPUT', of: (row) => row.outputTokens },
]
const exchanges: Figure = { title: 'EXCHANGES', shortTitle: 'CALLS', of: (row) => row.exchanges }

function costIn(currency: string): Figure {
  const title = `COST ${currency}`
  return { title, shortTitle: title, of: ({ cost }) => (cost ? costInWords(cost) : '') }
}

interface Layout {
  readonly figures: readonly Figure[]
  readonly isCompact: boolean
}

/** The best first. The last is taken however narrow it gets. */
const layouts: readonly Layout[] = [
  { figures: [exchanges, ...tokenClasses, charged, estimated], isCompact: false },
  { figures: [exchanges, ...tokenClasses, charged, estimated], isCompact: true },
  { figures: [...tokenClasses, charged, estimated], isCompact: true },
  { figures: [...tokenClasses, charged], isCompact: true },
  { figures: [charged], isCompact: true },
]

const gapColumns = 2
const minBarColumns = 10
const maxBarColumns = 60
/** As narrow as a name may be cut for the sake of figures. */
const minNameColumns = 20

export function usageTableLines({ by, lines, currency, widthColumns }: UsageTable): string[] {
  const isTerminal = Number.isFinite(widthColumns)
  const cost: readonly Figure[] = currency === undefined ? [] : [costIn(currency)]
  const cellsIn = ({ figures, isCompact }: Layout) => cellsOf(by, lines, { figures: [...figures, ...cost], isCompact })
  // One after the other: with ten thousand rows each costs as much as the query.
  const table = layouts
    .values()
    .map(cellsIn)
    .find(({ neededColumns }, index) => {
      const isLast = index === layouts.length - 1
      return isLast || neededColumns + gapColumns + minBarColumns <= widthColumns
    })
  const { columns, rows, neededColumns } = table ?? { columns: [], rows: [], neededColumns: 0 }
  const spareColumns = widthColumns - neededColumns - gapColumns
  if (!isTerminal || spareColumns < 1) return tableLines(columns, rows, widthColumns)
  const barColumns = Math.min(spareColumns, maxBarColumns)
  const whole = Math.max(...lines.map((line) => (isUsed(line) ? line.chargeTokens : 0)))
  const withBars = rows.map((row, index) => [...row, barOfLine(lines[index], whole, barColumns)])
  const hasEstimates = lines.some((line) => isUsed(line) && line.estimatedTokens > 0)
  const title = hasEstimates && barColumns >= barTitle.length ? barTitle : ''
  return tableLines([...columns, { title, isWhole: true }], withBars, widthColumns)
}

const barTitle = `${lightGlyph} ESTIMATED`

function cellsOf(by: UsageGrouping, lines: readonly UsageLine[], { figures, isCompact }: Layout) {
  const shown = (count: number | string): Cell =>
    isCompact && typeof count === 'number' ? compactNumber(count) : count
  const isOfProviders = by === 'provider'
  const columns: readonly Column[] = [
    { title: isTime(by) ? `${by.toUpperCase()} (UTC)` : by.toUpperCase(), ...(isTime(by) && { isWhole: true }) },
    ...(isOfProviders ? [] : [{ title: 'PROVIDER' }]),
    ...figures.map(({ title, shortTitle }) => ({ title: isCompact ? shortTitle : title, align: 'right' as const })),
  ]
  const rows = lines.map((line, index): readonly Cell[] => {
    const isRepeated = isTime(by) && lines[index - 1]?.group === line.group
    const name = isRepeated ? '' : nameOf(by, line.group)
    const names = isOfProviders ? [name] : [name, line.provider ?? '']
    return [...names, ...figures.map((figure) => (isUsed(line) ? shown(figure.of(line)) : emptyCell(figure)))]
  })
  const widths = naturalWidths(columns, rows)
  const needed = widths.map((width, index) => (index === 0 && !isTime(by) ? Math.min(width, minNameColumns) : width))
  return { columns, rows, neededColumns: sum(needed) + gapColumns * (columns.length - 1) }
}

/** A time without use is a line with little ink. */
function emptyCell(figure: Figure): Cell {
  return figure === charged ? '·' : ''
}

function nameOf(by: UsageGrouping, group: string): string {
  if (group === '') return '(unknown)'
  return by === 'hour' ? group.replace('T', ' ').replace('Z', '') : group
}

function barOfLine(line: UsageLine | undefined, whole: number, widthColumns: number): string {
  if (!line || !isUsed(line)) return ''
  const { chargeTokens, estimatedTokens } = line
  return barOf({ solid: chargeTokens - estimatedTokens, light: estimatedTokens, whole, widthColumns })
}

function isUsed(line: UsageLine): line is UsageRow {
  return line.provider !== undefined
}

function isTime(by: UsageGrouping): boolean {
  return by === 'day' || by === 'hour'
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
