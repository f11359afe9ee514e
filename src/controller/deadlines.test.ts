import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDeadlines } from './deadlines.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const dayMs = 24 * 3_600_000

test('a bottle is due at its time, once: one that was set again at the new one, one without a time never', () => {
  const due: string[] = []
  using deadlines = createDeadlines({ nowMs: Date.now, onDue: (id) => void due.push(id) })
  const startMs = Date.now()
  deadlines.set('past', startMs - 1)
  deadlines.set('later', startMs + 40 * dayMs)
  deadlines.set('moved', startMs + 1_000)
  deadlines.set('moved', startMs + 5_000)
  deadlines.set('taken back', startMs + 1_000)
  deadlines.set('taken back', undefined)
  vi.advanceTimersByTime(0)
  expect(due).toEqual(['past'])
  vi.advanceTimersByTime(4_999)
  expect(due).toEqual(['past'])
  vi.advanceTimersByTime(1)
  expect(due).toEqual(['past', 'moved'])
  vi.advanceTimersByTime(40 * dayMs)
  expect(due).toEqual(['past', 'moved', 'later'])
})
