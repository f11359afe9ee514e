/**
 * What a ledger in use needs now and then, beside every request's way: old events are rolled up, and all of it is verified. Both
 * soon after the start and then once a day.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { dayMs } from '../core/calendar.ts'
import type { CounterMismatch, Ledger } from './ledger.ts'

/** A start has other things to do. */
const firstAfterMs = 30_000
/** Events that one transaction rolls up: some milliseconds, while others wait. */
const batchEvents = 100
/** Others have the ledger to themselves for so long after each batch. */
const pauseMs = 20

export interface KeepingOptions {
  readonly ledger: Pick<Ledger, 'rollUp' | 'verify'>
  /** How long each event is kept by itself; `null` for ever. Asked each time. */
  retentionDays(): number | null
  readonly nowMs: () => number
  onRolledUp(events: number): void
  onUnbalanced(mismatches: readonly CounterMismatch[]): void
  /** Of one time; the next is tried all the same. */
  onFailure(error: unknown): void
}

/** Goes on until it is disposed; a verification goes on until the ledger is closed. */
export function startKeeping(options: KeepingOptions): Disposable {
  const stop = new AbortController()
  void keepOn(options, stop.signal)
  return { [Symbol.dispose]: () => stop.abort() }
}

async function keepOn(options: KeepingOptions, signal: AbortSignal): Promise<void> {
  for (let waitMs = firstAfterMs; await hasPassed(waitMs, signal); waitMs = dayMs) {
    try {
      await keepOnce(options, signal)
    } catch (error) {
      if (!signal.aborted) options.onFailure(error)
    }
  }
}

/** One time: rolls up what is old, then verifies. */
export async function keepOnce(options: KeepingOptions, signal: AbortSignal): Promise<void> {
  const { ledger, nowMs, onRolledUp, onUnbalanced } = options
  const days = options.retentionDays()
  if (days !== null) {
    let events = 0
    const settledBeforeMs = nowMs() - days * dayMs
    for (let rolled = -1; rolled !== 0 && (await hasPassed(pauseMs, signal)); events += rolled) {
      rolled = await ledger.rollUp({ settledBeforeMs, maxEvents: batchEvents })
    }
    if (events > 0) onRolledUp(events)
  }
  if (signal.aborted) return
  const mismatches = await ledger.verify()
  if (mismatches.length > 0) onUnbalanced(mismatches)
}

/** False when it was broken off. */
function hasPassed(waitMs: number, signal: AbortSignal): Promise<boolean> {
  return delay(waitMs, true, { signal, ref: false }).catch(() => false)
}
