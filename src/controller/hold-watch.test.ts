import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createHoldWatch, holdTimeoutMs } from './hold-watch.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function stage() {
  const missing: string[] = []
  return { missing, holds: createHoldWatch({ onMissing: (id) => missing.push(id) }) }
}

test('a bottle that nobody comes to hold in time is told, once', () => {
  const { holds, missing } = stage()
  holds.expect('a-1')
  vi.advanceTimersByTime(holdTimeoutMs - 1)
  expect(missing).toEqual([])
  vi.advanceTimersByTime(holdTimeoutMs)
  expect(missing).toEqual(['a-1'])
})

test('a bottle is held by the first that comes, and only where somebody is expected', () => {
  const { holds, missing } = stage()
  expect(() => holds.hold('a-1')).toThrow('bottle "a-1" is not waiting to be held')
  holds.expect('a-1')
  holds.hold('a-1')
  expect(() => holds.hold('a-1')).toThrow('is not waiting to be held')
  vi.advanceTimersByTime(holdTimeoutMs)
  expect(missing).toEqual([])
})

test('nothing is told of a bottle that has ended, nor after disposal', () => {
  const { holds, missing } = stage()
  holds.expect('a-1')
  holds.expect('a-2')
  holds.forget('a-1')
  holds[Symbol.dispose]()
  vi.advanceTimersByTime(holdTimeoutMs)
  expect(missing).toEqual([])
})
