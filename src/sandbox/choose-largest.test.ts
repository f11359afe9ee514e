import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseLargest } from './choose-largest.ts'

test('the largest go, as few as possible, until the rest fits', () => {
  const processes = [10, 50, 30, 5].map((bytes, pid) => ({ pid, bytes }))
  expect(chooseLargest(processes, 95)).toEqual([])
  expect(chooseLargest(processes, 94).map(({ pid }) => pid)).toEqual([1])
  expect(chooseLargest(processes, 20).map(({ pid }) => pid)).toEqual([1, 2])
})

test('whatever the processes are, what is left fits, and would not with the last one that goes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), fc.nat(5000), (sizes, limitBytes) => {
      const processes = sizes.map((bytes, pid) => ({ pid, bytes }))
      const chosen = chooseLargest(processes, limitBytes)
      const left = sizes.reduce((sum, bytes) => sum + bytes, 0) - chosen.reduce((sum, { bytes }) => sum + bytes, 0)
      expect(left).toBeLessThanOrEqual(limitBytes)
      const last = chosen.at(-1)
      if (last) expect(left + last.bytes).toBeGreaterThan(limitBytes)
    }),
  )
})
