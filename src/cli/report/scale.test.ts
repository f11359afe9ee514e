import fc from 'fast-check'
import { expect, test } from 'vitest'
import { spreadIndexes, ticksUpTo } from './scale.ts'

test.each([
  [0, [0, 1]],
  [3, [0, 1, 2, 3]],
  [97, [0, 25, 50, 75, 100]],
  [8_100_000, [0, 2_500_000, 5_000_000, 7_500_000, 10_000_000]],
])('up to %i the ticks are %j', (max, ticks) => {
  expect(ticksUpTo(max)).toEqual(ticks)
})

test('ticks are few, whole and even, and the last is no less than the largest figure', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (max) => {
      const ticks = ticksUpTo(max)
      expect(ticks.length).toBeGreaterThanOrEqual(2)
      expect(ticks.length).toBeLessThanOrEqual(6)
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(max * (1 - 1e-9))
      for (const tick of ticks) expect(Number.isInteger(tick)).toBe(true)
    }),
  )
})

test('labels keep away from the ends of a long row, and a short one has them all', () => {
  expect(spreadIndexes(3, 6)).toEqual([0, 1, 2])
  expect(spreadIndexes(100, 4)).toEqual([12, 37, 62, 87])
})
