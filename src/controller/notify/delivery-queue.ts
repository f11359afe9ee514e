/**
 * Gets notifications to one place, apart from whatever raised them: a few at a time, each tried again with growing pauses
 * until it arrives, is refused for good, or has been tried often or long enough. What is given up is told and counted.
 * Nothing is kept on disk: what waits when the controller ends is given up. Order is not kept, since a later one does not
 * wait for one that failed.
 */
import { messageOf } from '../../core/errors.ts'
import type { ChannelStatus } from '../api.ts'
import type { Notification } from './notification.ts'

export const deliveryLimits = {
  /** One attempt; then it is ended. */
  attemptMs: 10_000,
  maxAttempts: 6,
  /** The pause after the first failure; each further one is four times as long. */
  firstPauseMs: 1_000,
  /** Since the event. */
  maxAgeMs: 15 * 60_000,
  /** Attempts at a time. */
  maxRunning: 2,
  /** Notifications that wait for an attempt; further ones are given up. */
  maxWaiting: 100,
}

/** Thrown by an attempt that no further one could mend. */
export class UndeliverableError extends Error {}

export interface DeliveryQueueOptions {
  readonly channel: ChannelStatus['channel']
  /** One attempt. A rejection is a failure that may pass, unless it is an `UndeliverableError`. */
  deliver(notification: Notification, signal: AbortSignal): Promise<void>
  readonly nowMs: () => number
  /** One sentence for the operator. */
  onFailure(sentence: string): void
  readonly limits?: Partial<typeof deliveryLimits>
}

export interface DeliveryQueue extends AsyncDisposable {
  /** Returns at once, before any attempt. */
  add(notification: Notification): void
  readonly status: ChannelStatus
}

interface Waiting {
  readonly notification: Notification
  readonly attempts: number
  readonly dueAtMs: number
}

export function createDeliveryQueue(options: DeliveryQueueOptions): DeliveryQueue {
  const { channel, deliver, nowMs, onFailure } = options
  const { attemptMs, maxAttempts, firstPauseMs, maxAgeMs, maxRunning, maxWaiting } = {
    ...deliveryLimits,
    ...options.limits,
  }
  const over = new AbortController()
  const running = new Set<Promise<void>>()
  let waiting: readonly Waiting[] = []
  let timer: NodeJS.Timeout | undefined
  let [delivered, givenUp, lastFailure]: [number, number, string | null] = [0, 0, null]

  const giveUp = ({ text }: Notification, why: string) => {
    givenUp += 1
    lastFailure = why
    onFailure(`a notification was given up (${text}): ${why}`)
  }

  const attempt = async ({ notification, attempts }: Waiting): Promise<void> => {
    try {
      await deliver(notification, AbortSignal.any([over.signal, AbortSignal.timeout(attemptMs)]))
      delivered += 1
    } catch (error) {
      const why = messageOf(error)
      const dueAtMs = nowMs() + firstPauseMs * 4 ** attempts
      const isLast = attempts + 1 >= maxAttempts || dueAtMs - notification.atMs > maxAgeMs
      if (isLast || error instanceof UndeliverableError || over.signal.aborted) return giveUp(notification, why)
      lastFailure = why
      waiting = [...waiting, { notification, attempts: attempts + 1, dueAtMs }]
    }
  }

  const look = () => {
    clearTimeout(timer)
    if (over.signal.aborted) return
    const due = waiting.filter(({ dueAtMs }) => dueAtMs <= nowMs()).slice(0, maxRunning - running.size)
    waiting = waiting.filter((one) => !due.includes(one))
    for (const one of due) {
      const turn = attempt(one).finally(() => {
        running.delete(turn)
        look()
      })
      running.add(turn)
    }
    if (waiting.length === 0 || running.size >= maxRunning) return
    const nextAtMs = Math.min(...waiting.map(({ dueAtMs }) => dueAtMs))
    timer = setTimeout(look, Math.max(0, nextAtMs - nowMs()))
  }

  return {
    add(notification) {
      if (waiting.length >= maxWaiting) return giveUp(notification, `${maxWaiting} are waiting already`)
      waiting = [...waiting, { notification, attempts: 0, dueAtMs: nowMs() }]
      clearTimeout(timer)
      // Not in this tick, which may be that of a cut: starting a program alone takes milliseconds.
      timer = setTimeout(look, 0)
    },
    get status() {
      return { channel, waiting: waiting.length + running.size, delivered, givenUp, lastFailure }
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      over.abort(new Error('the controller ended'))
      for (const { notification } of waiting) giveUp(notification, 'the controller ended')
      waiting = []
      await Promise.all(running)
    },
  }
}
