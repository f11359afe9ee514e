/**
 * The periods that a budget can be for. Calendar periods are those of UTC, so that hosts agree on when they begin and no
 * summer time repeats an hour; a week is that of ISO 8601: it begins on Monday, and its year is that of its Thursday.
 *
 * **Invariant** The key of a period depends on the moment alone. A clock that steps back finds the same period again, with
 * what was spent in it (L13); a new period needs nothing to be done at its beginning.
 */
import { dayMs, dayName } from '../calendar.ts'

export type Period = 'total' | 'run' | 'day' | 'week' | 'month'

export const periods: readonly Period[] = ['total', 'run', 'day', 'week', 'month']
export const defaultPeriod: Period = 'total'

export interface Moment {
  readonly atMs: number
  /** The key of the run's scope (`run:claude-x1y2`), which is also that of its period. */
  readonly run: string
}

/** From `startMs` on, before `endMs`. */
export interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** The one spelling of a period: `total`, `run:claude-x1y2`, `day:2026-11-22`, `week:2026-W47`, `month:2026-11`. */
export function periodKey(period: Period, { atMs, run }: Moment): string {
  switch (period) {
    case 'total':
      return 'total'
    case 'run':
      return run
    case 'day':
      return `day:${dayName(atMs)}`
    case 'week':
      return `week:${weekOf(atMs)}`
    case 'month':
      return `month:${new Date(atMs).toISOString().slice(0, 7)}`
  }
}

/** Throws for what `periodKey` never gives. */
export function periodOfKey(key: string): Period {
  const name = key.split(':', 1)[0]
  const period = periods.find((one) => one === name)
  if (period === undefined) throw new Error(`"${key}" is no key of a period`)
  return period
}

/** When the period of this key begins and ends; `undefined` for those that no calendar ends: `total` and a run. */
export function spanOf(key: string): Span | undefined {
  const text = key.slice(key.indexOf(':') + 1)
  switch (periodOfKey(key)) {
    case 'total':
    case 'run':
      return undefined
    case 'day': {
      const startMs = Date.parse(`${text}T00:00Z`)
      return { startMs, endMs: startMs + dayMs }
    }
    case 'week': {
      const [year, week] = text.split('-W').map(Number) as [number, number]
      const startMs = startOfWeekMs(Date.UTC(year, 0, 4)) + (week - 1) * 7 * dayMs
      return { startMs, endMs: startMs + 7 * dayMs }
    }
    case 'month': {
      const [year, month] = text.split('-').map(Number) as [number, number]
      return { startMs: Date.UTC(year, month - 1), endMs: Date.UTC(year, month) }
    }
  }
}

function weekOf(atMs: number): string {
  const thursday = new Date(startOfWeekMs(atMs) + 3 * dayMs)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0)) / (7 * dayMs)) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}

/** 1970-01-01 was a Thursday. */
function startOfWeekMs(atMs: number): number {
  const days = Math.floor(atMs / dayMs)
  return (days - ((((days + 3) % 7) + 7) % 7)) * dayMs
}
