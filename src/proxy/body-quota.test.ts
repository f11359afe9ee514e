import { expect, it } from 'vitest'
import { createBodyQuota } from './body-quota.ts'

it('bounds the bodies of all exchanges together, and has room again for what has ended (H13)', () => {
  const quota = createBodyQuota(100)
  const one = quota.open()
  const other = quota.open()
  expect([one.take(60), other.take(40)]).toEqual([true, true])
  expect(other.take(1), 'the quota is used up').toBe(false)
  one[Symbol.dispose]()
  one[Symbol.dispose]()
  expect([other.take(60), other.take(1)]).toEqual([true, false])
})
