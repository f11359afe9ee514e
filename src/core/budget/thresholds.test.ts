import { describe, expect, it } from 'vitest'
import { defaultThresholdsPercent, thresholdsFault, thresholdsReached } from './thresholds.ts'

describe('thresholds', () => {
  it.each([
    [0, []],
    [49, []],
    [50, [50]],
    [94, [50, 80, 90]],
    [95, [50, 80, 90, 95]],
    [5_000, [50, 80, 90, 95]],
  ])('are reached with %i of 100 tokens: %j', (settledTokens, reached) => {
    expect(thresholdsReached(defaultThresholdsPercent, { limitTokens: 100, settledTokens })).toEqual(reached)
  })

  it('are never reached in a budget of nothing', () => {
    expect(thresholdsReached(defaultThresholdsPercent, { limitTokens: 0, settledTokens: 7 })).toEqual([])
  })

  it.each([[[]], [[50]], [[1, 99]], [defaultThresholdsPercent]])('may be %j', (percents) => {
    expect(thresholdsFault(percents)).toBeUndefined()
  })

  it.each([
    [[0], 'from 1 to 99'],
    [[100], 'from 1 to 99'],
    [[12.5], 'from 1 to 99'],
    [[Number.NaN], 'from 1 to 99'],
    [[80, 50], '50 must be larger'],
    [[50, 50], '50 must be larger'],
    [Array.from({ length: 17 }, (_, index) => index + 1), 'at most 16'],
  ])('may not be %j', (percents, part) => {
    expect(thresholdsFault(percents)).toContain(part)
  })
})
