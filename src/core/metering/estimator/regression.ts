/**
 * Online linear regression from features to tokens: recursive least squares with a prior (a Kalman filter on the weights).
 * What the samples leave open stays at the prior, and old samples fade, since the weights are taken to wander a little.
 *
 * Safety: what a sample can do is bounded. It counts for no more than `maxSurprise` standard deviations, and no weight
 * leaves `weightRange` around the prior, so no request is ever estimated beyond that range around its prior estimate.
 */
import { type Features, featureCount } from './byte-features.ts'
import { priorWeights } from './prior.ts'

export interface Regression {
  /** Tokens of one unit of each feature. */
  readonly weights: Features
  /** How sure they are: row after row, symmetric. */
  readonly covariance: Float64Array
}

export interface Sample {
  /** Of a request, or the difference of two: then counts may be negative. */
  readonly features: Features
  readonly tokens: number
  /** The size of what the sample is about; its noise grows with it. */
  readonly scaleTokens: number
}

/** A weight stays between prior ÷ this and prior × this. */
export const weightRange = 3

/** By how much two texts of the same features differ, as a part of their tokens. */
const relativeNoise = 0.05
/** Frames of messages and the like. */
const constantNoiseTokens = 60
/** How far the prior may be off: each weight by itself, and all of them together. */
const ownDoubt = 0.5
const commonDoubt = 0.25
/** What the weights may wander with a sample, as a part of the doubt in the prior. */
const wandering = 0.002
const maxSurprise = 3

const doubt = priorCovariance()

export function startRegression(weights: Features = priorWeights): Regression {
  return { weights, covariance: doubt }
}

export function predictTokens({ weights }: Pick<Regression, 'weights'>, features: Features): number {
  let tokens = 0
  for (let index = 0; index < featureCount; index++) tokens += at(weights, index) * at(features, index)
  return tokens
}

/** Runs once for each exchange: plain loops, no more copies than the result. */
export function learnSample({ weights, covariance }: Regression, sample: Sample): Regression {
  const spread = multiply(covariance, sample.features)
  const noise = (relativeNoise * sample.scaleTokens) ** 2 + constantNoiseTokens ** 2
  const variance = predictTokens({ weights: spread }, sample.features) + noise
  const limit = maxSurprise * Math.sqrt(variance)
  const surprise = clamp(sample.tokens - predictTokens({ weights }, sample.features), -limit, limit)
  const learned = { weights: new Float64Array(featureCount), covariance: new Float64Array(featureCount ** 2) }
  for (let row = 0; row < featureCount; row++) {
    const prior = at(priorWeights, row)
    const gain = at(spread, row) / variance
    learned.weights[row] = clamp(at(weights, row) + gain * surprise, prior / weightRange, prior * weightRange)
    for (let column = 0; column < featureCount; column++) {
      const index = row * featureCount + column
      learned.covariance[index] = at(covariance, index) - gain * at(spread, column) + wandering * at(doubt, index)
    }
    // A weight is never less sure than before the first sample.
    const own = row * (featureCount + 1)
    learned.covariance[own] = Math.min(at(learned.covariance, own), at(doubt, own))
  }
  return learned
}

function priorCovariance(): Float64Array {
  return Float64Array.from({ length: featureCount ** 2 }, (_, index) => {
    const row = Math.floor(index / featureCount)
    const column = index % featureCount
    const common = commonDoubt ** 2 * at(priorWeights, row) * at(priorWeights, column)
    return row === column ? common + (ownDoubt * at(priorWeights, row)) ** 2 : common
  })
}

function multiply(matrix: Float64Array, vector: Features): Float64Array {
  const product = new Float64Array(featureCount)
  for (let row = 0; row < featureCount; row++) {
    let sum = 0
    for (let column = 0; column < featureCount; column++)
      sum += at(matrix, row * featureCount + column) * at(vector, column)
    product[row] = sum
  }
  return product
}

function clamp(value: number, lowest: number, highest: number): number {
  return Math.min(highest, Math.max(lowest, value))
}

function at(values: Float64Array, index: number): number {
  return values[index] as number
}
