import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDeliveryQueue, type DeliveryQueueOptions, deliveryLimits, UndeliverableError } from './delivery-queue.ts'
import type { Notification } from './notification.ts'

let told: string[] = []

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  told = []
})
afterEach(() => {
  vi.useRealTimers()
})

function queueOf(deliver: DeliveryQueueOptions['deliver'], limits: DeliveryQueueOptions['limits'] = {}) {
  const onFailure = (sentence: string) => void told.push(sentence)
  return createDeliveryQueue({ channel: 'webhook', deliver, nowMs: Date.now, onFailure, limits })
}

const notification = (text: string, atMs = 0): Notification => ({
  id: text,
  text,
  kind: 'enforcement',
  bottleId: 'claude-1',
  action: 'kill',
  trigger: 'operator',
  phase: 'done',
  detail: '',
  reason: '',
  atMs,
})

const givenUp = (text: string, why: string) => `a notification was given up (${text}): ${why}`

test('nothing is delivered in the tick of the event', async () => {
  const deliver = vi.fn(async () => {})
  await using queue = queueOf(deliver)
  queue.add(notification('a'))
  expect(deliver).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(0)
  expect(queue.status).toEqual({ channel: 'webhook', waiting: 0, delivered: 1, givenUp: 0, lastFailure: null })
})

test('a failure is tried again after pauses that grow, until there were enough', async () => {
  const atMs: number[] = []
  await using queue = queueOf(async () => {
    atMs.push(Date.now())
    throw new Error('down')
  })
  queue.add(notification('a'))
  await vi.advanceTimersByTimeAsync(deliveryLimits.maxAgeMs)
  expect(atMs).toEqual([0, 1_000, 5_000, 21_000, 85_000, 341_000])
  expect(told).toEqual([givenUp('a', 'down')])
})

test('what is too old is not tried again', async () => {
  const deliver = vi.fn(async () => {
    throw new Error('down')
  })
  await using queue = queueOf(deliver, { maxAgeMs: 4_000 })
  queue.add(notification('a'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(deliver).toHaveBeenCalledTimes(2)
  expect(told).toEqual([givenUp('a', 'down')])
})

test('what is refused for good is given up at once', async () => {
  const deliver = vi.fn(async () => {
    throw new UndeliverableError('410')
  })
  await using queue = queueOf(deliver)
  queue.add(notification('a'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(deliver).toHaveBeenCalledTimes(1)
  expect(told).toEqual([givenUp('a', '410')])
})

test('one that fails holds up no other, and arrives in the end', async () => {
  const arrived: string[] = []
  await using queue = queueOf(
    async ({ text }) => {
      if (text === 'a' && Date.now() < 5_000) throw new Error('down')
      arrived.push(text)
    },
    { maxRunning: 1 },
  )
  for (const text of ['a', 'b', 'c']) queue.add(notification(text))
  await vi.advanceTimersByTimeAsync(5_000)
  expect(arrived).toEqual(['b', 'c', 'a'])
  expect(told).toEqual([])
})

test('so many go on at a time, so many wait, and what comes beyond is given up', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const deliver = vi.fn(() => promise)
  await using queue = queueOf(deliver, { maxRunning: 2, maxWaiting: 3 })
  for (const text of ['a', 'b']) queue.add(notification(text))
  await vi.advanceTimersByTimeAsync(0)
  for (const text of ['c', 'd', 'e', 'f']) queue.add(notification(text))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(deliver).toHaveBeenCalledTimes(2)
  expect(told).toEqual([givenUp('f', '3 are waiting already')])
  resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect(queue.status).toMatchObject({ waiting: 0, delivered: 5, givenUp: 1 })
})

test('the end gives up what waits and ends what runs, and tells both', async () => {
  const deliver = (_: Notification, signal: AbortSignal) =>
    new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const queue = queueOf(deliver, { maxRunning: 1 })
  for (const text of ['a', 'b']) queue.add(notification(text))
  await vi.advanceTimersByTimeAsync(0)
  await queue[Symbol.asyncDispose]()
  expect(told).toEqual([givenUp('b', 'the controller ended'), givenUp('a', 'the controller ended')])
})
