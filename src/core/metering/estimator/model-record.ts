/**
 * What was learned of one model (or of a provider's models together): the regression, its errors, and how the estimates did.
 * A record is a value: learning gives another one.
 */
import { type ErrorWindow, startWindow, withError } from './error-window.ts'
import { learnSample, type Regression, type Sample, startRegression } from './regression.ts'

/** `fresh`: estimated from its bytes alone; `continued`: what differs from a request that was counted. */
export type EstimateKind = 'fresh' | 'continued'

/** Two parts of the whole prompt. `error` is positive where the estimate was too low. */
export interface Outcome {
  readonly error: number
  readonly margin: number
}

export interface ModelRecord {
  readonly regression: Regression
  /** Errors as parts of what was estimated: the whole prompt, or what differs. */
  readonly windows: Readonly<Record<EstimateKind, ErrorWindow>>
  /** The latest, oldest first. */
  readonly outcomes: readonly Outcome[]
  readonly samples: number
  /** Counts that were higher than expected and margin together. */
  readonly underestimates: number
  /** Misses of the margin in a row, on one side: negative where the estimates were too high. */
  readonly misses: number
  readonly updatedAtMs: number
}

/** What the estimate said and what the provider then counted. Tokens. */
export interface Lesson extends Sample {
  readonly kind: EstimateKind
  readonly expectedTokens: number
  readonly upperTokens: number
  readonly inputTokens: number
  readonly nowMs: number
}

export const maxOutcomes = 100

const doubts: Readonly<Record<EstimateKind, number>> = { fresh: 0.5, continued: 0.7 }
/** So many misses in a row on one side mean that the relation itself has changed. */
const driftMisses = 3
/** An error beyond this is not explained by bytes (content that the provider fetched, context that it dropped). */
const maxTaughtError = 1

export function startRecord(regression: Regression = startRegression()): ModelRecord {
  return {
    regression,
    windows: { fresh: startWindow(doubts.fresh), continued: startWindow(doubts.continued) },
    outcomes: [],
    samples: 0,
    underestimates: 0,
    misses: 0,
    updatedAtMs: 0,
  }
}

export function learnLesson(record: ModelRecord, lesson: Lesson): ModelRecord {
  const { kind, scaleTokens, expectedTokens, upperTokens, inputTokens, nowMs } = lesson
  const errorTokens = inputTokens - expectedTokens
  const error = errorTokens / scaleTokens
  const isTaught = Math.abs(error) <= maxTaughtError
  const misses = isTaught ? missesAfter(record, kind, error) : record.misses
  const hasDrifted = Math.abs(misses) >= driftMisses
  const { regression, windows } = hasDrifted ? startRecord(startRegression(record.regression.weights)) : record
  const outcome = {
    error: errorTokens / Math.max(1, inputTokens),
    margin: (upperTokens - expectedTokens) / Math.max(1, expectedTokens),
  }
  return {
    regression: isTaught ? learnSample(regression, lesson) : regression,
    windows: { ...windows, [kind]: withError(windows[kind], error) },
    outcomes: [...record.outcomes.slice(1 - maxOutcomes), outcome],
    samples: record.samples + 1,
    underestimates: record.underestimates + (inputTokens > upperTokens ? 1 : 0),
    misses: hasDrifted ? 0 : misses,
    updatedAtMs: nowMs,
  }
}

function missesAfter({ misses, windows }: ModelRecord, kind: EstimateKind, error: number): number {
  if (Math.abs(error) <= windows[kind].margin) return 0
  const side = Math.sign(error)
  return Math.sign(misses) === side ? misses + side : side
}
