/** Prints rows under titles: as narrow as they are, cut with … where the terminal is narrower. */
import { inert } from './inert.ts'

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Never cut, as what is to the right never is. */
  readonly isWhole?: true
}

/** A cell; numbers are grouped by thin spaces, `null` is shown as nothing. */
export type Cell = string | number | null

const gap = '  '
const minColumnWidth = 6

export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  widthColumns: number,
): string[] {
  const texts = textsOf(columns, rows)
  const widths = narrowed(widthsOf(texts), columns, widthColumns - gap.length * (columns.length - 1))
  return texts.map((row) =>
    columns
      .map(({ align = 'left' }, index) => aligned(cut(row[index] ?? '', widths[index] ?? 0), widths[index] ?? 0, align))
      .join(gap)
      .trimEnd(),
  )
}

/** How wide each column is when nothing of it is cut. */
export function naturalWidths(columns: readonly Column[], rows: readonly (readonly Cell[])[]): readonly number[] {
  return widthsOf(textsOf(columns, rows))
}

function textsOf(columns: readonly Column[], rows: readonly (readonly Cell[])[]): readonly (readonly string[])[] {
  return [columns.map(({ title }) => title), ...rows.map((row) => columns.map((_, index) => cellText(row[index])))]
}

function widthsOf(texts: readonly (readonly string[])[]): readonly number[] {
  const [titles = []] = texts
  return titles.map((_, index) => Math.max(...texts.map((row) => widthOf(row[index] ?? ''))))
}

/** Takes columns from the widest left-aligned ones; a number is never cut. */
function narrowed(natural: readonly number[], columns: readonly Column[], available: number): readonly number[] {
  const widths = [...natural]
  let excess = widths.reduce((sum, width) => sum + width, 0) - available
  while (excess > 0) {
    let widest: number | undefined
    for (const [index, width] of widths.entries()) {
      const { align, isWhole = false } = columns[index] ?? {}
      const mayShrink = align !== 'right' && !isWhole && width > minColumnWidth
      if (mayShrink && (widest === undefined || width > (widths[widest] ?? 0))) widest = index
    }
    if (widest === undefined) break
    widths[widest] = (widths[widest] ?? 0) - 1
    excess--
  }
  return widths
}

function cellText(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return ''
  return typeof cell === 'number' ? groupedNumber(cell) : inert(cell)
}

/** `1 234 567` with narrow no-break spaces (U+202F). */
export function groupedNumber(count: number | string): string {
  return String(count).replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, '\u202f')
}

function aligned(text: string, width: number, align: 'left' | 'right'): string {
  const padding = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'left' ? text + padding : padding + text
}

/** At most so wide, with … where it was longer. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (narrow.test(text)) return `${text.slice(0, width - 1)}…`
  let kept = ''
  let keptWidth = 0
  for (const { segment } of graphemesOf(text)) {
    keptWidth += graphemeWidth(segment)
    if (keptWidth > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** One column each: plain ASCII, and what we draw with ourselves. */
const narrow = /^[\x20-\x7e\u202f…–·▁-▓▸●▲─←→↑↓×]*$/
/** Two columns wide in every terminal: East Asian scripts, full-width forms, and emoji. */
const wide =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^\p{Emoji_Presentation}/u

/** Made where it is needed only: it takes 10 ms. */
function graphemesOf(text: string): Iterable<{ readonly segment: string }> {
  return new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)
}

function graphemeWidth(grapheme: string): number {
  return wide.test(grapheme) ? 2 : 1
}

/** In columns of a terminal. */
export function widthOf(text: string): number {
  if (narrow.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemesOf(text)) width += graphemeWidth(segment)
  return width
}
