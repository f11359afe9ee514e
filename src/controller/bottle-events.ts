/** What follows from what one bottle's proxy tells: events for clients, warnings, and cuts of all whose budget is spent. */
import { isSpent } from '../core/budget/admit.ts'
import { type Counter, type CounterKey, isSameCounter } from '../core/budget/scope.ts'
import type { EgressEvents } from '../proxy/egress.ts'
import type { BudgetBook } from './budget-book.ts'
import type { BudgetWatch } from './budget-watch.ts'
import type { EventBus } from './event-bus.ts'

export interface BottleEventsOptions {
  readonly bottleId: string
  readonly bus: EventBus
  readonly budgets: Pick<BudgetBook, 'reachedThreshold'>
  readonly watch: Pick<BudgetWatch, 'charged'>
  readonly nowMs: () => number
  /** The budgets that hold for this bottle now, those that govern first. */
  holding(): readonly CounterKey[]
  /** Fires this bottle's policy. */
  cut(message: string): void
  onBug(error: unknown): void
}

export function createBottleEvents(options: BottleEventsOptions): EgressEvents {
  const { bottleId, bus, budgets, watch, nowMs } = options

  const warn = async (counter: Counter) => {
    const thresholdPercent = await budgets.reachedThreshold(counter, nowMs())
    if (thresholdPercent !== undefined) {
      bus.emit({ kind: 'warning', bottleId, thresholdPercent, counter, atMs: nowMs() })
    }
  }

  return {
    started: (start) => bus.emit({ kind: 'exchange_started', bottleId, ...start, atMs: nowMs() }),
    progress: (progress) => bus.emit({ kind: 'exchange_progress', bottleId, ...progress, atMs: nowMs() }),
    denied: (denial) => bus.emit({ kind: 'denied', bottleId, ...denial, atMs: nowMs() }),
    settled({ outcome, ...settlement }) {
      const charged = outcome.kind === 'already_settled' ? [] : outcome.counters
      const held = options
        .holding()
        .map((key) => charged.find((counter) => isSameCounter(counter, key)))
        .filter((counter) => counter !== undefined)
      bus.emit({
        kind: 'exchange_settled',
        bottleId,
        ...settlement,
        governing: held[0] ?? null,
        counters: charged.filter(({ limitTokens }) => limitTokens !== null),
        atMs: nowMs(),
      })
      for (const counter of charged) watch.charged(counter)
      // A spent budget is told by its cut; a warning beside it would only be noise.
      for (const counter of held) if (!isSpent(counter)) warn(counter).catch(options.onBug)
    },
    spent({ counter, message }) {
      // An exchange that outlives its period ends with that period's budget; the bottle has a new one.
      if (options.holding().some((key) => isSameCounter(key, counter))) options.cut(message)
    },
  }
}
