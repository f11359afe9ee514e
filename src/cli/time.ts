const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** `90m`, `12h`, `7d` before now, or a time as ISO 8601 has it. Milliseconds since the epoch; `undefined` for neither. */
export function parseSince(text: string, nowMs: number): number | undefined {
  const found = /^(\d{1,6})([smhdw])$/.exec(text)
  if (found) return Math.max(0, nowMs - Number(found[1]) * units[found[2] as keyof typeof units])
  const isIso = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
  const timeMs = isIso ? Date.parse(text) : Number.NaN
  return Number.isNaN(timeMs) ? undefined : timeMs
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
