import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createAllowance } from './allowance.ts'

it('gives the burst at once, then nothing until time has passed, then so many a second', () => {
  const take = createAllowance({ burst: 3, perSecond: 2 })
  expect([take(0), take(0), take(0), take(0)]).toEqual([true, true, true, false])
  expect([take(499), take(500), take(500)]).toEqual([false, true, false])
  expect([take(1_500), take(1_500), take(1_500)]).toEqual([true, true, false])
})

it('never saves up more than the burst, and never gives more than burst and rate allow', () => {
  const gaps = fc.array(fc.nat(2_000), { maxLength: 200 })
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), (waits, burst, perSecond) => {
      const take = createAllowance({ burst, perSecond })
      let nowMs = 0
      let taken = 0
      for (const waitMs of waits) {
        nowMs += waitMs
        if (take(nowMs)) taken += 1
      }
      expect(taken).toBeLessThanOrEqual(burst + (nowMs / 1_000) * perSecond)
    }),
  )
})
