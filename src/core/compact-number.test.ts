import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compactNumber } from './compact-number.ts'

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1.00k'],
  [1_239, '1.23k'],
  [45_678, '45.6k'],
  [999_999, '999k'],
  [1_000_000, '1.00M'],
  [5_000_000_000, '5.00G'],
  [Number.MAX_SAFE_INTEGER, '9.00P'],
])('%i is %s', (count, expected) => {
  expect(compactNumber(count)).toBe(expected)
})

test('takes five columns at most, and never says more than there is', () => {
  const factors = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 }
  fc.assert(
    fc.property(fc.maxSafeNat(), (count) => {
      const text = compactNumber(count)
      expect(text.length).toBeLessThanOrEqual(5)
      const [, figures, unit = ''] = /^([\d.]+)([kMGTP]?)$/.exec(text) ?? []
      const said = Number(figures) * factors[unit as keyof typeof factors]
      expect(said).toBeLessThanOrEqual(count)
      expect(count - said).toBeLessThanOrEqual(count / 99)
    }),
  )
})
