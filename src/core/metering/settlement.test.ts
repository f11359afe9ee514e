import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { weightPresets } from '../budget/weights.ts'
import type { MeterReading } from './format.ts'
import { type EndedExchange, type ExchangeEnding, settle } from './settlement.ts'
import { chargeOf, type Usage } from './usage.ts'

const estimatedInputTokens = 1000
const weights = weightPresets.raw

function reading(usage: Usage, rest: Partial<MeterReading> = {}): MeterReading {
  return { usage, model: 'm', phase: 'open', isFinal: false, observedOutputTokens: 0, anomalies: [], ...rest }
}

function settled(rest: Partial<EndedExchange>) {
  return settle({
    reading: undefined,
    estimatedInputTokens,
    isStream: true,
    unseenOutputTokens: 256,
    ending: 'complete',
    httpStatus: 200,
    weights,
    ...rest,
  })
}

describe('what the provider reported as final', () => {
  test('stands as it is, above and below every estimate', () => {
    const usage = { inputTokens: 10, cacheReadTokens: 5, outputTokens: 3, reasoningTokens: 2 }
    const final = reading(usage, { isFinal: true, phase: 'complete', observedOutputTokens: 500 })
    expect(settled({ reading: final })).toEqual({ usage, chargeTokens: 18, source: 'authoritative' })
  })

  test.each<ExchangeEnding>(['cut', 'client_gone', 'upstream_reset', 'upstream_timeout'])(
    'stands also when the exchange then ended by %s (M12)',
    (ending) => {
      const final = reading({ inputTokens: 10, outputTokens: 0 }, { isFinal: true })
      expect(settled({ reading: final, ending })).toMatchObject({ chargeTokens: 10, source: 'authoritative' })
    },
  )

  test('is partial where the input was never reported, or only as a placeholder (M03)', () => {
    const final = reading({ outputTokens: 50 }, { isFinal: true, phase: 'complete' })
    expect(settled({ reading: final })).toEqual({
      usage: { inputTokens: 1000, outputTokens: 50 },
      chargeTokens: 1050,
      source: 'partial',
    })
  })
})

describe('what was reported in part', () => {
  test('keeps the input, and takes the larger of reported and seen output (M07, M19)', () => {
    const usage = { inputTokens: 100, cacheReadTokens: 900, outputTokens: 2 }
    expect(settled({ ending: 'client_gone', reading: reading(usage, { observedOutputTokens: 40 }) })).toEqual({
      usage: { ...usage, outputTokens: 40 },
      chargeTokens: 1040,
      source: 'partial',
    })
    expect(
      settled({ ending: 'upstream_reset', reading: reading(usage, { observedOutputTokens: 1 }) }).chargeTokens,
    ).toBe(1002)
  })

  test('counts reported cache tokens inside the estimated input, not on top of it', () => {
    const { usage, chargeTokens } = settled({ reading: reading({ cacheReadTokens: 900 }) })
    expect({ usage, chargeTokens }).toEqual({
      usage: { inputTokens: 100, cacheReadTokens: 900, outputTokens: 0 },
      chargeTokens: 1000,
    })
  })
})

test('every charge is weighed, estimated or not', () => {
  const { effective } = weightPresets
  const usage = { inputTokens: 10, cacheReadTokens: 1_000, outputTokens: 3 }
  const final = reading(usage, { isFinal: true })
  expect(settled({ reading: final, weights: effective })).toMatchObject({ usage, chargeTokens: 125 })
  const partial = reading({ cacheReadTokens: 900 }, { observedOutputTokens: 40 })
  expect(settled({ reading: partial, weights: effective })).toMatchObject({ chargeTokens: 100 + 90 + 200 })
})

describe('what was not reported', () => {
  test('is estimated on a 2xx, with the output that was seen (M20)', () => {
    expect(settled({ reading: reading({}, { phase: 'complete', observedOutputTokens: 7 }) })).toEqual({
      usage: { inputTokens: 1000, outputTokens: 7 },
      chargeTokens: 1007,
      source: 'estimated',
    })
    expect(settled({ reading: undefined })).toMatchObject({ chargeTokens: 1000, source: 'estimated' })
  })

  test.each<ExchangeEnding>(['upstream_reset', 'upstream_timeout'])(
    'is its estimated input when the provider ended it by %s before any response (M19)',
    (ending) => {
      expect(settled({ ending, httpStatus: undefined })).toMatchObject({ chargeTokens: 1000, source: 'estimated' })
    },
  )

  test.each<ExchangeEnding>(['client_gone', 'cut'])(
    'is its estimated input and what the provider wrote meanwhile when we ended it by %s before any output (M19)',
    (ending) => {
      expect(settled({ ending, httpStatus: undefined })).toMatchObject({ chargeTokens: 1256, source: 'estimated' })
      expect(settled({ ending, isStream: false })).toMatchObject({ chargeTokens: 1256, source: 'estimated' })
      const silent = reading({ inputTokens: 100, outputTokens: 1 })
      expect(settled({ ending, reading: silent })).toMatchObject({ chargeTokens: 356, source: 'partial' })
    },
  )

  test.each<ExchangeEnding>(['client_gone', 'cut'])(
    'is what was seen of a stream, and of a document more, when we ended it by %s (M19)',
    (ending) => {
      const begun = reading({}, { observedOutputTokens: 20 })
      expect(settled({ ending, reading: begun }).chargeTokens).toBe(1020)
      expect(settled({ ending, reading: begun, isStream: false }).chargeTokens).toBe(1256)
      const long = reading({}, { observedOutputTokens: 600 })
      expect(settled({ ending, reading: long, isStream: false }).chargeTokens).toBe(1600)
    },
  )

  test.each([304, 400, 429, 500, 529])('costs nothing on a %i (M20)', (httpStatus) => {
    const refused = reading({}, { phase: 'failed', observedOutputTokens: 9 })
    expect(settled({ httpStatus, reading: refused })).toEqual({ usage: {}, chargeTokens: 0, source: 'unsent' })
  })

  test('costs nothing when nothing was sent', () => {
    expect(settled({ ending: 'unsent', httpStatus: undefined })).toEqual({
      usage: {},
      chargeTokens: 0,
      source: 'unsent',
    })
  })
})

test('usage in an error response is charged (M20)', () => {
  const usage = { inputTokens: 10, outputTokens: 3 }
  expect(settled({ httpStatus: 500, reading: reading(usage, { isFinal: true }) })).toMatchObject({
    chargeTokens: 13,
    source: 'authoritative',
  })
})

test('a charge on a 2xx that is not authoritative is never below what was seen, nor free (M19)', () => {
  const count = fc.nat({ max: 1_000_000 })
  const usage = fc.record({ inputTokens: count, cacheReadTokens: count, outputTokens: count }, { requiredKeys: [] })
  fc.assert(
    fc.property(
      usage,
      count,
      fc.constantFrom<ExchangeEnding>('complete', 'cut', 'client_gone'),
      (reported, seen, ending) => {
        const result = settled({ ending, reading: reading(reported, { observedOutputTokens: seen }) })
        const { outputTokens: _, ...reportedInput } = reported
        expect(result.chargeTokens).toBe(chargeOf(result.usage, weights))
        expect(result.chargeTokens).toBeGreaterThanOrEqual(chargeOf(reported, weights))
        expect(result.chargeTokens).toBeGreaterThanOrEqual(chargeOf(reportedInput, weights) + seen)
        if (reported.inputTokens === undefined) expect(result.chargeTokens).toBeGreaterThanOrEqual(estimatedInputTokens)
      },
    ),
  )
})
