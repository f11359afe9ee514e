/** The time of a report in equal steps, as fine as there is room for: hours of UTC, days, weeks from Monday on, or months. */
import { dayMs, dayName, hourMs, hourName, startOfDayMs, startOfHourMs } from '../../core/calendar.ts'
import { BottleError } from '../../core/errors.ts'

export type Step = 'hour' | 'day' | 'week' | 'month'

export interface TimeBins {
  readonly step: Step
  /** `2026-11-22T08:00Z`, `2026-11-22` (of a week its Monday), `2026-11`. Never empty. */
  readonly names: readonly string[]
  /** The one that a moment falls into; the first or last for what lies outside. */
  indexOf(atMs: number): number
}

const maxHours = 72
const maxDays = 100
const maxWeeks = 100
/** Nobody reads more of them in a chart. */
export const maxMonths = 240

/** From `startMs` on, before `endMs`. Throws BottleError `usage` for a time that is too long. */
export function timeBins(startMs: number, endMs: number): TimeBins {
  const step = stepFor(endMs - startMs)
  const starts = [startOf(step, startMs)]
  for (let next = after(step, starts[0] ?? 0); next < endMs; next = after(step, next)) {
    if (starts.length === maxMonths) throw tooLong(startMs)
    starts.push(next)
  }
  return {
    step,
    names: starts.map((atMs) => nameOf(step, atMs)),
    indexOf: (atMs) =>
      Math.max(
        0,
        starts.findLastIndex((start) => start <= atMs),
      ),
  }
}

function stepFor(spanMs: number): Step {
  if (spanMs <= maxHours * hourMs) return 'hour'
  if (spanMs <= maxDays * dayMs) return 'day'
  return spanMs <= maxWeeks * 7 * dayMs ? 'week' : 'month'
}

function startOf(step: Step, atMs: number): number {
  const dayStart = startOfDayMs(atMs)
  const date = new Date(atMs)
  switch (step) {
    case 'hour':
      return startOfHourMs(atMs)
    case 'day':
      return dayStart
    case 'week':
      return dayStart - ((date.getUTCDay() + 6) % 7) * dayMs
    case 'month':
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
  }
}

function after(step: Step, startMs: number): number {
  const date = new Date(startMs)
  if (step === 'month') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
  return startMs + { hour: hourMs, day: dayMs, week: 7 * dayMs }[step]
}

function nameOf(step: Step, atMs: number): string {
  if (step === 'hour') return hourName(atMs)
  return step === 'month' ? dayName(atMs).slice(0, 7) : dayName(atMs)
}

function tooLong(startMs: number): BottleError {
  return new BottleError(
    'usage',
    `from ${dayName(startMs)} on there are more than ${maxMonths} months, which no report shows`,
    {
      hint: 'Choose a later --since.',
    },
  )
}
