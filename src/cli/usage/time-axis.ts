/** Rows of days or hours as a continuous axis of time: the times without use have their place, too. */
import { dayMs, dayName, hourMs, hourName } from '../../core/calendar.ts'
import { BottleError } from '../../core/errors.ts'

export interface AxisRules {
  readonly by: 'day' | 'hour'
  /** `undefined`: from the first that was used. */
  readonly sinceMs: number | undefined
  readonly untilMs: number
}

/** A time, with a row for each provider; none when nothing was used. */
export interface TimeOnAxis<Row> {
  readonly time: string
  readonly rows: readonly Row[]
}

/** Nobody reads more of them in a table. */
export const maxAxisTimes = 1_000

/** `rows` are those of a report: the first time first. Throws BottleError `usage` for an axis that is too long. */
export function timeAxis<Row extends { readonly group: string }>(
  rows: readonly Row[],
  { by, sinceMs, untilMs }: AxisRules,
): readonly TimeOnAxis<Row>[] {
  const [first, last] = [rows[0], rows.at(-1)]
  if (!first || !last) return []
  const { stepMs, nameOf } = by === 'day' ? { stepMs: dayMs, nameOf: dayName } : { stepMs: hourMs, nameOf: hourName }
  const startMs = Math.floor((sinceMs ?? Date.parse(first.group)) / stepMs) * stepMs
  // What a clock that went back has written lies beyond now.
  const endMs = Math.max(untilMs, Date.parse(last.group) + 1)
  const count = Math.ceil((endMs - startMs) / stepMs)
  if (count > maxAxisTimes) {
    throw new BottleError('usage', `these are ${count} ${by}s, and a table shows ${maxAxisTimes} at most`, {
      hint: `Choose a later --since${by === 'hour' ? ', --by day' : ''}, or --csv or --json, which have only ${by}s that were used.`,
    })
  }
  const byTime = Map.groupBy(rows, ({ group }) => group)
  return Array.from({ length: count }, (_, index) => {
    const time = nameOf(startMs + index * stepMs)
    return { time, rows: byTime.get(time) ?? [] }
  })
}
