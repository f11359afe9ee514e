import { hourMs } from '../core/calendar.ts'

const units = { s: 1_000, m: 60_000, h: hourMs, d: 24 * hourMs, w: 7 * 24 * hourMs } as const

export type ParsedTime =
  | { readonly kind: 'time'; readonly timeMs: number }
  /** Sentences: what is wrong, or what would work. */
  | { readonly kind: 'invalid'; readonly why: string }

/**
 * `90m`, `12h`, `7d` before now, or a time as ISO 8601 has it: a date is the beginning of that day in UTC, a time without a zone
 * is one of the user's clock. Milliseconds since the epoch.
 */
export function parseTime(text: string, nowMs: number): ParsedTime {
  const ago = /^(\d{1,6})([smhdw])$/.exec(text)
  if (ago) return { kind: 'time', timeMs: Math.max(0, nowMs - Number(ago[1]) * units[ago[2] as keyof typeof units]) }
  const [, date] =
    /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/.exec(text) ?? []
  if (date === undefined) return { kind: 'invalid', why: 'Write 90m, 12h, 7d or a time such as 2026-11-22T08:00Z.' }
  const timeMs = Date.parse(text)
  if (!isDay(date) || Number.isNaN(timeMs)) return { kind: 'invalid', why: 'There is no such day or time.' }
  if (timeMs > nowMs) return { kind: 'invalid', why: 'It lies in the future.' }
  return { kind: 'time', timeMs }
}

const maxDurationMs = 366 * units.d

/** `90s`, `30m`, `2h`, `1d`; undefined for anything else, and for what is no time or more than a year. Milliseconds. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  const durationMs = Number(count) * units[unit as keyof typeof units]
  return durationMs > 0 && durationMs <= maxDurationMs ? durationMs : undefined
}

/** `Date.parse` takes February 30 for March 2. */
function isDay(date: string): boolean {
  const dayMs = Date.parse(date)
  return !Number.isNaN(dayMs) && new Date(dayMs).toISOString().startsWith(date)
}

/** The largest unit that fits: `3m`, `2d`. */
export function ageInWords(ageMs: number): string {
  const fitting = (['d', 'h', 'm'] as const).find((unit) => ageMs >= units[unit]) ?? 's'
  return `${Math.max(0, Math.floor(ageMs / units[fitting]))}${fitting}`
}

/** `2026-11-22 12:33:10` on the user's clock. */
export function localTime(timeMs: number): string {
  const offsetMs = new Date(timeMs).getTimezoneOffset() * units.m
  return new Date(timeMs - offsetMs).toISOString().slice(0, 19).replace('T', ' ')
}

/** In a list: how long ago for whoever looks, ISO 8601 in UTC for programs and where `isIso` asks for it. */
export function listedTime(
  timeMs: number,
  { nowMs, isIso }: { readonly nowMs: number; readonly isIso: boolean },
): string {
  return isIso ? new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z') : `${ageInWords(nowMs - timeMs)} ago`
}
