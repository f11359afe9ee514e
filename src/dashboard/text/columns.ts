/** Rows under titles, in as many columns as fit: those that matter least are left out, and no number is ever cut. */
import { widthOf } from '../../cli/table.ts'
import { cutBetweenWords, cutLine, type Line, type Span, span, textOf } from './line.ts'

export interface Column<Row> {
  readonly title: string
  readonly align: 'left' | 'right'
  /** 0 is always there; the largest goes first. */
  readonly rank: number
  /** May be cut down to so much where the screen is narrow. */
  readonly minColumns?: number
  /** Sentences, which are cut between words. */
  readonly isProse?: true
  cell(row: Row): Span | Line | string
}

export interface TableRows {
  readonly head: Line
  readonly rows: readonly Line[]
}

const gap = '  '

export function fitted<Row>(columns: readonly Column<Row>[], rows: readonly Row[], widthColumns: number): TableRows {
  const table = columns.map((column) => {
    const cells = rows.map((row) => lineOf(column.cell(row)))
    const natural = Math.max(widthOf(column.title), ...cells.map((cell) => widthOf(textOf(cell))))
    return { column, cells, natural, least: leastOf(column, natural) }
  })
  const chosen = new Set<Column<Row>>()
  let left = widthColumns + gap.length
  for (const { column, least } of table.toSorted((one, other) => one.column.rank - other.column.rank)) {
    if (column.rank > 0 && least + gap.length > left) continue
    chosen.add(column)
    left -= least + gap.length
  }
  const shown = table
    .filter(({ column }) => chosen.has(column))
    .map((one) => {
      const width = Math.min(one.natural, one.least + Math.max(0, left))
      left -= width - one.least
      return { ...one, width }
    })
  const lineAt = (cellOf: (one: (typeof shown)[number]) => Line): Line =>
    shown.flatMap((one, index) => [
      ...(index > 0 ? [span(gap)] : []),
      ...aligned(cellOf(one), { ...one.column, width: one.width, isLast: index === shown.length - 1 }),
    ])
  return {
    head: lineAt(({ column }) => [span(column.title, 'dim')]),
    rows: rows.map((_, index) => lineAt(({ cells }) => cells[index] ?? [])),
  }
}

function leastOf<Row>({ title, minColumns }: Column<Row>, natural: number): number {
  return Math.min(natural, Math.max(widthOf(title), minColumns ?? natural))
}

function lineOf(cell: Span | Line | string): Line {
  if (typeof cell === 'string') return [span(cell)]
  return 'text' in cell ? [cell] : cell
}

interface Place extends Pick<Column<never>, 'align' | 'isProse'> {
  readonly width: number
  /** Nothing follows that must stand under its title. */
  readonly isLast: boolean
}

function aligned(cell: Line, { width, align, isProse, isLast }: Place): Line {
  const kept = isProse === true ? cutBetweenWords(cell, width) : cutLine(cell, width)
  const padding = ' '.repeat(Math.max(0, width - widthOf(textOf(kept))))
  if (padding === '') return kept
  if (align === 'right') return [span(padding), ...kept]
  return isLast ? kept : [...kept, span(padding)]
}
