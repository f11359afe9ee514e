/** Days and hours of UTC, as reports name them. */
export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

export function startOfHourMs(atMs: number): number {
  return Math.floor(atMs / hourMs) * hourMs
}

export function startOfDayMs(atMs: number): number {
  return Math.floor(atMs / dayMs) * dayMs
}

/** `2026-11-22` */
export function dayName(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}

/** `2026-11-22T08:00Z`: the hour that begins then. */
export function hourName(atMs: number): string {
  return `${new Date(startOfHourMs(atMs)).toISOString().slice(0, 16)}Z`
}

/** `2026-11-22 12:33 UTC` */
export function utcMinute(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
