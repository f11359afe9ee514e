/** All keys, in as many columns as fit. */
import { type Line, span } from '../text/line.ts'
import type { Page } from './page.ts'

const keys: readonly (readonly [key: string, does: string])[] = [
  ['1 2 3, Tab', 'bottles, budgets, audit'],
  ['↑ ↓, j k', 'select; PgUp PgDn Home End, g G'],
  ['Enter', 'look at one bottle; ← → its lists'],
  ['Esc', 'back; ends a search'],
  ['/', 'search bottles'],
  ['s, S', 'sort by the next column; the other way'],
  ['v', 'view: all, alive, only trouble'],
  ['c', 'cut off: nothing leaves the bottle'],
  ['r', 'restore a bottle that was cut off'],
  ['b', 'set another limit; Tab: whose'],
  ['f', 'freeze: stop it and keep it for later'],
  ['u', 'resume a frozen bottle, or say how'],
  ['x', 'kill: end it and remove its files'],
  ['y', 'copy the id of the bottle'],
  ['q, Ctrl-C', 'leave; the bottles live on'],
]
const marks: readonly (readonly [mark: string, means: string])[] = [
  ['!', 'cut off, or failed'],
  ['▲', 'a budget is nearly spent'],
  ['●', 'streams now'],
]
const keyColumns = 14
const entryColumns = 54

export function helpScreen({ columns, rows }: Page): readonly Line[] {
  const entries = [
    ...keys.map(([key, does]): Line => [span(`  ${key.padEnd(keyColumns)}`, 'strong'), span(does)]),
    ...marks.map(([mark, means]): Line => [span(`  ${mark.padEnd(keyColumns)}`, 'strong'), span(means, 'dim')]),
  ]
  const perColumn = Math.max(1, rows - 2)
  const hasTwo = entries.length > perColumn && columns >= 2 * entryColumns
  const height = hasTwo ? Math.ceil(entries.length / 2) : entries.length
  const lines = entries.slice(0, height).map((line, index): Line => {
    const beside = entries[index + height]
    if (!beside) return line
    const length = line.reduce((sum, { text }) => sum + text.length, 0)
    return [...line, span(' '.repeat(Math.max(2, entryColumns - length))), ...beside]
  })
  return [[span('  Keys', 'title')], ...lines]
}
