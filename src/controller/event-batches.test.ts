import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ControllerEvent } from './api.ts'
import { createEventBatches } from './event-batches.ts'

const paceMs = 250
const denied = (path: string): ControllerEvent => ({
  ...{ kind: 'denied', bottleId: 'b', method: 'GET', host: 'h', path, status: 403, code: 'c', reason: 'r', atMs: 1 },
})
const progress = (attemptId: string, observedTokens: number): ControllerEvent => ({
  ...{
    kind: 'exchange_progress',
    bottleId: 'b',
    attemptId,
    provider: 'claude',
    observedTokens,
    heldTokens: 0,
    atMs: 1,
  },
})

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('sends what came in a while together and in order, and of the progress of an exchange only the last', () => {
  const sent: (readonly ControllerEvent[])[] = []
  using batches = createEventBatches({ paceMs, send: (events) => sent.push(events) })
  for (const event of [progress('a', 1), denied('/1'), progress('b', 1), progress('a', 9), denied('/1')]) {
    batches.push(event)
  }
  vi.advanceTimersByTime(paceMs - 1)
  expect(sent).toEqual([])
  vi.advanceTimersByTime(1)
  expect(sent).toEqual([[progress('a', 9), denied('/1'), progress('b', 1), denied('/1')]])
  vi.advanceTimersByTime(10 * paceMs)
  expect(sent).toHaveLength(1)
})

it('sends before its time what would be too much to keep', () => {
  const sent: (readonly ControllerEvent[])[] = []
  using batches = createEventBatches({ paceMs, send: (events) => sent.push(events) })
  for (let index = 0; index < 2_000; index += 1) batches.push(denied(`/${index}`))
  expect(sent.map(({ length }) => length)).toEqual([2_000])
})

it('sends nothing to a client that has left', () => {
  const sent: (readonly ControllerEvent[])[] = []
  const batches = createEventBatches({ paceMs, send: (events) => sent.push(events) })
  batches.push(denied('/1'))
  batches[Symbol.dispose]()
  vi.advanceTimersByTime(paceMs)
  expect(sent).toEqual([])
})
