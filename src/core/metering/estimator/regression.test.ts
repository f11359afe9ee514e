import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Features, featureCount } from './byte-features.ts'
import { priorWeights } from './prior.ts'
import { learnSample, predictTokens, type Sample, startRegression, weightRange } from './regression.ts'

/** Texts of all classes in changing parts. */
function featuresAt(turn: number): Features {
  return Float64Array.from({ length: featureCount }, (_, index) =>
    index < 12 ? 200 + ((turn * (index * 13 + 7)) % 97) * 90 : 0,
  )
}

function taught(tokensOf: (features: Features) => number, turns: number) {
  let regression = startRegression()
  for (let turn = 0; turn < turns; turn++) {
    const features = featuresAt(turn)
    const tokens = tokensOf(features)
    regression = learnSample(regression, { features, tokens, scaleTokens: tokens })
  }
  return regression
}

test('begins at the prior', () => {
  const features = featuresAt(3)
  expect(predictTokens(startRegression(), features)).toBeCloseTo(predictTokens({ weights: priorWeights }, features))
})

test('comes within 5 % of another tokenizer after twenty samples', () => {
  const truth = priorWeights.map((weight, index) => weight * (index % 3 === 0 ? 0.7 : 1.4))
  const regression = taught((features) => predictTokens({ weights: truth }, features), 20)
  for (let turn = 100; turn < 120; turn++) {
    const expected = predictTokens({ weights: truth }, featuresAt(turn))
    expect(Math.abs(predictTokens(regression, featuresAt(turn)) / expected - 1)).toBeLessThan(0.05)
  }
})

test('learns from the difference of two requests as from a whole one', () => {
  const truth = priorWeights.map((weight) => weight * 1.5)
  let regression = startRegression()
  for (let turn = 0; turn < 40; turn++) {
    const features = featuresAt(turn).map((value, index) => value - (featuresAt(turn + 5)[index] ?? 0) / 2)
    const scaleTokens = predictTokens({ weights: truth }, features.map(Math.abs))
    regression = learnSample(regression, { features, tokens: predictTokens({ weights: truth }, features), scaleTokens })
  }
  const whole = featuresAt(200)
  expect(Math.abs(predictTokens(regression, whole) / predictTokens({ weights: truth }, whole) - 1)).toBeLessThan(0.05)
})

test('follows a relation that changes', () => {
  let regression = taught((features) => predictTokens({ weights: priorWeights }, features), 300)
  for (let turn = 0; turn < 40; turn++) {
    const features = featuresAt(turn + 300)
    const tokens = predictTokens({ weights: priorWeights }, features) * 1.3
    regression = learnSample(regression, { features, tokens, scaleTokens: tokens })
  }
  const features = featuresAt(999)
  const expected = predictTokens({ weights: priorWeights }, features) * 1.3
  expect(Math.abs(predictTokens(regression, features) / expected - 1)).toBeLessThan(0.06)
})

test('stays finite and within its range around the prior, whatever it is taught', () => {
  const count = fc.double({ min: -1e7, max: 1e7, noNaN: true })
  const sample: fc.Arbitrary<Sample> = fc.record({
    features: fc
      .array(count, { minLength: featureCount, maxLength: featureCount })
      .map((values) => Float64Array.from(values)),
    tokens: fc.integer({ min: -1e9, max: 1e9 }),
    scaleTokens: fc.integer({ min: 1, max: 1e9 }),
  })
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 60 }), (samples) => {
      const { weights, covariance } = samples.reduce(learnSample, startRegression())
      weights.forEach((weight, index) => {
        const prior = priorWeights[index] ?? 0
        expect(weight).toBeGreaterThanOrEqual(prior / weightRange)
        expect(weight).toBeLessThanOrEqual(prior * weightRange)
      })
      expect(covariance.every(Number.isFinite)).toBe(true)
    }),
    { numRuns: 100 },
  )
})
