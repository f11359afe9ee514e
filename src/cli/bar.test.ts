import fc from 'fast-check'
import { expect, test } from 'vitest'
import { barOf, barOnTrack } from './bar.ts'

test.each([
  [{ solid: 50, light: 0 }, '█████'],
  [{ solid: 55, light: 0 }, '█████▌'],
  [{ solid: 1, light: 0 }, '▏'],
  [{ solid: 0, light: 0 }, ''],
  [{ solid: 99.9, light: 0 }, '█████████▉'],
  [{ solid: 100, light: 0 }, '██████████'],
  [{ solid: 300, light: 50 }, '█████████▒'],
  [{ solid: 30, light: 20 }, '███▒▒'],
  [{ solid: 0, light: 5 }, '▒'],
  [{ solid: 40, light: 0.1 }, '███▒'],
])('%j of 100 in ten columns is %s', (parts, expected) => {
  expect(barOf({ ...parts, whole: 100, widthColumns: 10 })).toBe(expected)
})

test('a track is as long as the whole', () => {
  expect(barOnTrack({ solid: 20, light: 20, whole: 100, widthColumns: 10 })).toBe('██▒▒░░░░░░')
  expect(barOnTrack({ solid: 0, light: 0, whole: 0, widthColumns: 4 })).toBe('░░░░')
})

const amount = fc.nat({ max: 2 ** 40 })
const bars = fc.record({ solid: amount, light: amount, whole: amount, widthColumns: fc.integer({ min: 2, max: 80 }) })

test('is never wider than it may be, shows whatever is not nothing, and grows with it', () => {
  fc.assert(
    fc.property(bars, amount, (rules, more) => {
      const bar = barOf(rules)
      expect(bar.length).toBeLessThanOrEqual(rules.widthColumns)
      expect(bar.includes('▒')).toBe(rules.light > 0)
      expect(bar.length > 0).toBe(rules.solid + rules.light > 0)
      expect(barOf({ ...rules, light: rules.light + 1 + more }).length).toBeGreaterThanOrEqual(bar.length)
      expect(barOnTrack(rules)).toHaveLength(rules.widthColumns)
    }),
  )
})

test('is full of solid only when the whole is reached', () => {
  fc.assert(
    fc.property(bars, (rules) => {
      const isFull = barOf({ ...rules, light: 0 }) === '█'.repeat(rules.widthColumns)
      expect(isFull).toBe(rules.solid > 0 && rules.solid >= rules.whole)
    }),
  )
})
