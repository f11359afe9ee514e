import { utcMinute } from '../calendar.ts'
import { compactNumber } from '../compact-number.ts'
import type { Forecast } from './forecast.ts'

export interface ForeseenBudget {
  readonly forecast: Forecast
  readonly resetsAtMs: number | null
}

/** When a budget is spent, as the end of a line: `at 4.92M an hour it is spent in about 5 h (2026-11-22 17:30 UTC)`. */
export function forecastInWords({ forecast, resetsAtMs }: ForeseenBudget, nowMs: number): string {
  switch (forecast.kind) {
    case 'spent':
      return 'spent'
    case 'idle':
      return 'not used lately'
    case 'unknown':
      return 'too little use to foresee its end'
    case 'lasts':
      return `${rateInWords(forecast)} it lasts ${resetsAtMs === null ? 'for more than a year' : 'until its reset'}`
    case 'runs_out':
      return `${rateInWords(forecast)} it is spent in about ${durationInWords(forecast.atMs - nowMs)} (${utcMinute(forecast.atMs)})`
  }
}

function rateInWords({ tokensPerHour }: { readonly tokensPerHour: number }): string {
  return `at ${compactNumber(tokensPerHour)} an hour`
}

const minuteMs = 60_000

/** As exact as a forecast may be: `12 min`, `5 h`, `3 days`. */
export function durationInWords(durationMs: number): string {
  const minutes = Math.max(1, Math.round(durationMs / minuteMs))
  if (minutes < 90) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`
}
