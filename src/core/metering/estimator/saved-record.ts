/**
 * What was learned, as text to be kept and read again. Reading refuses what cannot have been learned (a damaged row, another
 * version, a weight beyond its range): then the prior serves. How sure the weights are is not kept: they learn quickly again.
 */
import { type FeatureName, type Features, featureNames, featuresOf } from './byte-features.ts'
import { type ErrorWindow, maxError, maxErrors, windowOf } from './error-window.ts'
import { type ModelRecord, maxOutcomes, type Outcome } from './model-record.ts'
import { priorWeights } from './prior.ts'
import { startRegression, weightRange } from './regression.ts'

const savedDigits = 6
/** More than any record comes to. */
export const maxSavedCharacters = 32_768

export function writeRecord(record: ModelRecord): string {
  const { regression, windows, outcomes, samples, underestimates, updatedAtMs } = record
  return JSON.stringify({
    weights: Object.fromEntries(featureNames.map((name, index) => [name, regression.weights[index]])),
    fresh: windows.fresh.errors.map(short),
    continued: windows.continued.errors.map(short),
    outcomes: outcomes.map(({ error, margin }) => [short(error), short(margin)]),
    samples,
    underestimates,
    updatedAtMs,
  })
}

export function readRecord(text: string): ModelRecord | undefined {
  if (text.length > maxSavedCharacters) return undefined
  const saved = parse(text)
  const weights = readWeights(saved.weights)
  const fresh = readWindow(saved.fresh)
  const continued = readWindow(saved.continued)
  const outcomes = readOutcomes(saved.outcomes)
  const { samples, underestimates, updatedAtMs } = saved
  if (!weights || !fresh || !continued || !outcomes) return undefined
  if (!isCount(samples) || !isCount(underestimates) || !isCount(updatedAtMs)) return undefined
  return {
    regression: startRegression(weights),
    windows: { fresh, continued },
    outcomes,
    samples,
    underestimates,
    misses: 0,
    updatedAtMs,
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return {}
  }
}

/** A feature that the writer did not know begins at its prior. */
function readWeights(saved: unknown): Features | undefined {
  const priors = Object.fromEntries(featureNames.map((name, index) => [name, priorWeights[index]]))
  const weights = { ...priors, ...asObject(saved) }
  const isLearned = featureNames.every((name) => {
    const weight = weights[name]
    const prior = priors[name] ?? 0
    return isNumberUpTo(weight, prior * weightRange) && weight >= prior / weightRange
  })
  return isLearned && saved !== undefined ? featuresOf(weights as Record<FeatureName, number>) : undefined
}

function readWindow(saved: unknown): ErrorWindow | undefined {
  if (!Array.isArray(saved) || saved.length === 0 || saved.length > maxErrors) return undefined
  return saved.every((error) => isNumberUpTo(error, maxError)) ? windowOf(saved) : undefined
}

function readOutcomes(saved: unknown): readonly Outcome[] | undefined {
  if (!Array.isArray(saved) || saved.length > maxOutcomes) return undefined
  const outcomes = saved.map((pair): Outcome => ({ error: pair?.[0], margin: pair?.[1] }))
  return outcomes.every(({ error, margin }) => Number.isFinite(error) && Number.isFinite(margin)) ? outcomes : undefined
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isNumberUpTo(value: unknown, largest: number): value is number {
  return typeof value === 'number' && Math.abs(value) <= largest
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function short(value: number): number {
  return Number(value.toPrecision(savedDigits))
}
