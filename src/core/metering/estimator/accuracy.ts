import { percentile95 } from './error-window.ts'
import type { LearnedRecord } from './token-estimator.ts'

/** How near the estimates of one model came. Percent of the provider's count, over the latest hundred. */
export interface EstimatorAccuracy {
  readonly provider: string
  /** '' for all models of the provider together, which a new model begins with. */
  readonly model: string
  /** Requests that it learned from, ever. */
  readonly samples: number
  readonly meanErrorPercent: number
  /** 95 of a hundred errors are smaller. */
  readonly p95ErrorPercent: number
  /** What was added on average for the upper estimate; percent of the estimate. */
  readonly marginPercent: number
  /** Of all samples, how many were more than the upper estimate. */
  readonly underestimatesPercent: number
  readonly updatedAtMs: number
}

export function accuracyOf({ provider, model, record }: LearnedRecord): EstimatorAccuracy {
  const { outcomes, samples, underestimates, updatedAtMs } = record
  const errors = outcomes.map(({ error }) => Math.abs(error))
  return {
    provider,
    model,
    samples,
    meanErrorPercent: percent(mean(errors)),
    p95ErrorPercent: percent(percentile95(errors)),
    marginPercent: percent(mean(outcomes.map(({ margin }) => margin))),
    underestimatesPercent: percent(underestimates / Math.max(1, samples)),
    updatedAtMs,
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / Math.max(1, values.length)
}

/** To a hundredth. */
function percent(part: number): number {
  return Math.round(part * 10_000) / 100
}
