import { expect, test } from 'vitest'
import { nicenessOf } from './kernel-limits.ts'

test.each([
  [100, 0],
  [80, 1],
  [50, 3],
  [10, 10],
  [2, 18],
  [1, 19],
])('a weight of %i is a niceness of %i', (weight, niceness) => {
  expect(nicenessOf(weight)).toBe(niceness)
})
