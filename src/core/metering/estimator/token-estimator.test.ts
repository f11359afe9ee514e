import { describe, expect, it } from 'vitest'
import { priorWeights } from './prior.ts'
import { predictTokens, weightRange } from './regression.ts'
import { profileRequest } from './request-profile.ts'
import { type BottleEstimator, createTokenEstimator, maxRecords } from './token-estimator.ts'

/** Texts whose make-up changes from turn to turn. */
const textAt = (turn: number) =>
  Array.from({ length: 60 }, (_, word) =>
    (turn * 31 + word * 17) % 5 === 0 ? `${turn * word},` : `Word${word} (and) `,
  ).join('')
const messagesUpTo = (turns: number, from = 0) =>
  Array.from({ length: turns }, (_, turn) => ({ role: 'user', content: textAt(turn + from) }))
const requestOf = (messages: readonly object[], model = 'm') => ({
  provider: 'p',
  model,
  body: [Buffer.from(JSON.stringify({ model, messages }))],
})
/** The tokenizer of a provider that makes more of everything. */
const countOf = ({ body }: { readonly body: readonly Uint8Array[] }, factor: number) =>
  Math.round(predictTokens({ weights: priorWeights }, profileRequest(body).features) * factor)

function teach(bottle: BottleEstimator, { calls = 40, factor = 1.3, model = 'm', from = 0 } = {}) {
  for (let call = 0; call < calls; call++) {
    const request = requestOf(messagesUpTo(12, from + call * 50), model)
    bottle.learn(bottle.estimate(request), countOf(request, factor), call)
  }
}

describe('the estimate of a request', () => {
  it('begins at the prior with a wide margin, and narrows as it learns', () => {
    const estimator = createTokenEstimator()
    const request = requestOf(messagesUpTo(12, 9_000))
    const first = estimator.forBottle().estimate(request)
    expect(first.expectedTokens).toBe(countOf(request, 1))
    expect(first.upperTokens / first.expectedTokens).toBeCloseTo(1.5, 1)
    teach(estimator.forBottle(), { calls: 120 })
    const later = estimator.forBottle().estimate(request)
    expect(Math.abs(later.expectedTokens / countOf(request, 1.3) - 1)).toBeLessThan(0.05)
    expect(later.upperTokens).toBeGreaterThan(countOf(request, 1.3))
    expect(later.upperTokens / later.expectedTokens).toBeLessThan(1.2)
  })

  it('is what was counted before and what is new, in a conversation', () => {
    const bottle = createTokenEstimator().forBottle()
    const before = requestOf(messagesUpTo(30))
    bottle.learn(bottle.estimate(before), 40_000, 0)
    const more = requestOf(messagesUpTo(31))
    const { expectedTokens, upperTokens } = bottle.estimate(more)
    const newTokens = countOf(more, 1) - countOf(before, 1)
    expect(expectedTokens).toBeGreaterThan(40_000 + newTokens / 3)
    expect(expectedTokens).toBeLessThan(40_000 + newTokens * 3)
    expect(upperTokens - expectedTokens).toBeLessThan(4_000)
  })

  it('adds what the provider already has, and does not take such a body for a transcript', () => {
    const bottle = createTokenEstimator().forBottle()
    const request = requestOf(messagesUpTo(2))
    const own = bottle.estimate(request).expectedTokens
    const estimate = bottle.estimate({ ...request, contextTokens: 50_000 })
    expect(estimate.expectedTokens).toBe(50_000 + own)
    bottle.learn(estimate, 50_000 + own, 0)
    expect(bottle.estimate(request).expectedTokens).toBe(own)
  })

  it('falls back to what is known of the provider, and of that only', () => {
    const estimator = createTokenEstimator()
    teach(estimator.forBottle(), { model: 'old' })
    const bottle = estimator.forBottle()
    const request = requestOf(messagesUpTo(12, 9_000), 'new')
    expect(Math.abs(bottle.estimate(request).expectedTokens / countOf(request, 1.3) - 1)).toBeLessThan(0.1)
    expect(bottle.estimate({ ...request, provider: 'q' }).expectedTokens).toBe(countOf(request, 1))
    expect(bottle.estimate({ ...request, model: null }).expectedTokens).toBe(bottle.estimate(request).expectedTokens)
  })
})

describe('what one bottle does', () => {
  it('tells another nothing of its conversations (I7)', () => {
    const estimator = createTokenEstimator()
    const one = estimator.forBottle()
    const request = requestOf(messagesUpTo(30))
    one.learn(one.estimate(request), 9_000, 0)
    expect(one.estimate(request).expectedTokens).toBe(9_000)
    expect(estimator.forBottle().estimate(request).expectedTokens).not.toBe(9_000)
  })

  it('moves the estimates of others within the range of the weights only, however it is billed', () => {
    const request = requestOf(messagesUpTo(12, 9_000))
    for (const factor of [0, 0.2, 1.9, 50]) {
      const estimator = createTokenEstimator()
      teach(estimator.forBottle(), { calls: 300, factor })
      const { expectedTokens } = estimator.forBottle().estimate(request)
      expect(expectedTokens).toBeGreaterThanOrEqual(Math.floor(countOf(request, 1) / weightRange))
      expect(expectedTokens).toBeLessThanOrEqual(Math.ceil(countOf(request, 1) * weightRange))
    }
  })

  it('does not teach what its bytes cannot explain, such as content that the provider fetched', () => {
    const estimator = createTokenEstimator()
    teach(estimator.forBottle(), { calls: 40, factor: 50 })
    const request = requestOf(messagesUpTo(12, 9_000))
    expect(estimator.forBottle().estimate(request).expectedTokens).toBe(countOf(request, 1))
  })
})

describe('a provider that changes its tokenizer', () => {
  it('widens the margin at once and is followed within a few calls', () => {
    const estimator = createTokenEstimator()
    teach(estimator.forBottle(), { calls: 150, factor: 1 })
    const request = requestOf(messagesUpTo(12, 90_000))
    const marginNow = () => {
      const { expectedTokens, upperTokens } = estimator.forBottle().estimate(request)
      return upperTokens / expectedTokens - 1
    }
    expect(marginNow()).toBeLessThan(0.1)
    teach(estimator.forBottle(), { calls: 3, factor: 1.35, from: 20_000 })
    expect(marginNow()).toBeGreaterThan(0.4)
    teach(estimator.forBottle(), { calls: 10, factor: 1.35, from: 40_000 })
    const { expectedTokens } = estimator.forBottle().estimate(request)
    expect(Math.abs(expectedTokens / countOf(request, 1.35) - 1)).toBeLessThan(0.05)
  })
})

describe('the records', () => {
  it('are bounded in number, the one that learned last staying', () => {
    const estimator = createTokenEstimator()
    const bottle = estimator.forBottle()
    for (let index = 0; index < maxRecords + 20; index++) teach(bottle, { calls: 1, model: `model-${index}` })
    expect(estimator.records()).toHaveLength(maxRecords)
    expect(estimator.records().map(({ model }) => model)).toContain(`model-${maxRecords + 19}`)
    expect(estimator.records().map(({ model }) => model)).not.toContain('model-0')
  })

  it('share the provider where the name of a model is too long to keep', () => {
    const estimator = createTokenEstimator()
    teach(estimator.forBottle(), { calls: 1, model: 'x'.repeat(201) })
    expect(estimator.records().map(({ model }) => model)).toEqual([''])
  })

  it('say what changed since they were asked', () => {
    const estimator = createTokenEstimator()
    teach(estimator.forBottle(), { calls: 2 })
    expect(estimator.takeChanged().map(({ provider, model }) => [provider, model])).toEqual([
      ['p', 'm'],
      ['p', ''],
    ])
    expect(estimator.takeChanged()).toEqual([])
    const known = estimator.records()
    expect(createTokenEstimator(known).records()).toEqual(known)
  })

  it('count samples, errors and what was more than the margin', () => {
    const estimator = createTokenEstimator()
    const bottle = estimator.forBottle()
    const request = requestOf(messagesUpTo(12))
    bottle.learn(bottle.estimate(request), countOf(request, 1.9), 7)
    const [{ record } = expect.fail('one was learned')] = estimator.records()
    expect(record).toMatchObject({ samples: 1, underestimates: 1, updatedAtMs: 7 })
    expect(record.outcomes[0]?.error).toBeCloseTo(1 - 1 / 1.9, 2)
  })
})
