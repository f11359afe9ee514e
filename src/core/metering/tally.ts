/**
 * What one response has told so far. A format writes into it, event by event; a count that cannot be true is noted and
 * leaves the earlier one standing.
 */
import { isTokenCount, type Usage } from './usage.ts'

export type UsageCounts = { -readonly [Field in keyof Usage]: number }

export interface Tally {
  usage: UsageCounts
  model: string | undefined
  responseId: string | undefined
  phase: 'open' | 'complete' | 'failed'
  isFinal: boolean
  readonly anomalies: string[]
  /** How many counts were not believed; goes on when `anomalies` is full. */
  rejectedCount: number
}

export const maxAnomalies = 8
export const maxShownCharacters = 40
export const maxModelCharacters = 200

export function createTally(): Tally {
  return {
    usage: {},
    model: undefined,
    responseId: undefined,
    phase: 'open',
    isFinal: false,
    anomalies: [],
    rejectedCount: 0,
  }
}

export function noteModel(tally: Tally, model: unknown): void {
  if (typeof model === 'string' && model.length > 0 && model.length <= maxModelCharacters) tally.model = model
}

/** Notes what looks wrong in a report that is used all the same. */
export function noteAnomaly(tally: Tally, text: string): void {
  if (tally.anomalies.length < maxAnomalies && !tally.anomalies.includes(text)) tally.anomalies.push(text)
}

/** Notes a value that is not used. */
export function reject(tally: Tally, name: string, value: unknown): void {
  tally.rejectedCount += 1
  noteAnomaly(tally, `${name}: ${show(value)}`)
}

/** A count out of a report: `undefined` where it is absent or null, and where it is rejected. */
export function countOf(tally: Tally, name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (isTokenCount(value)) return value
  reject(tally, name, value)
  return undefined
}

export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, maxShownCharacters)) : String(value)
  return text.slice(0, maxShownCharacters)
}
