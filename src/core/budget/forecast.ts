/**
 * When a budget is spent, if it goes on as of late. A mean of the last hours, idle ones included, and no more than that: it
 * says nothing where there is too little to tell from, and nothing beyond the reset of the budget's period.
 */
import { hourMs, startOfHourMs } from '../calendar.ts'

/** What was charged lately to the scope of a budget. */
export interface RecentUse {
  readonly usedTokens: number
  readonly exchanges: number
  /** From when on it was counted, or could first have been used. */
  readonly sinceMs: number
}

export interface ForecastQuestion {
  /** Neither charged nor held. */
  readonly leftTokens: number
  /** `null`: no calendar resets it. */
  readonly resetsAtMs: number | null
  readonly recent: RecentUse
  readonly nowMs: number
}

/**
 * - `spent`: nothing is left
 * - `idle`: nothing was used lately
 * - `unknown`: used for too short a time, or by too few calls, to tell
 * - `lasts`: until its reset; where there is none, for more than a year
 * - `runs_out`: at that moment
 */
export type Forecast =
  | { readonly kind: 'spent' | 'idle' | 'unknown' }
  | { readonly kind: 'lasts'; readonly tokensPerHour: number }
  | { readonly kind: 'runs_out'; readonly tokensPerHour: number; readonly atMs: number }

export const minObservedMs = 10 * 60_000
export const minExchanges = 3
const horizonMs = 366 * 24 * hourMs

/** Uses are summed up by the hour: what counts as lately are the two hours before this one, and this one so far. */
export function recentSinceMs(nowMs: number): number {
  return startOfHourMs(nowMs) - 2 * hourMs
}

export function forecast({ leftTokens, resetsAtMs, recent, nowMs }: ForecastQuestion): Forecast {
  const { usedTokens, exchanges, sinceMs } = recent
  if (leftTokens <= 0) return { kind: 'spent' }
  if (usedTokens <= 0) return { kind: 'idle' }
  const observedMs = nowMs - sinceMs
  if (observedMs < minObservedMs || exchanges < minExchanges) return { kind: 'unknown' }
  const tokensPerMs = usedTokens / observedMs
  const tokensPerHour = Math.round(tokensPerMs * hourMs)
  const atMs = nowMs + Math.ceil(leftTokens / tokensPerMs)
  if (atMs >= (resetsAtMs ?? nowMs + horizonMs)) return { kind: 'lasts', tokensPerHour }
  return { kind: 'runs_out', tokensPerHour, atMs }
}
