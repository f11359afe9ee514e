/** What follows from what one bottle's proxy tells: events for clients, warnings, and cuts of all whose budget is spent. */
import type { Counter } from '../core/budget/scope.ts'
import type { EgressEvents, Settlement } from '../proxy/egress.ts'
import type { BudgetBook } from './budget-book.ts'
import type { EventBus } from './event-bus.ts'

export interface BottleEventsOptions {
  readonly bottleId: string
  readonly bus: EventBus
  readonly budgets: BudgetBook
  readonly nowMs: () => number
  /** The governing counter of this bottle for a provider, by its key among those charged. */
  governingOf(settlement: Settlement): Counter | null
  /** Fires this bottle's policy. */
  cut(message: string): void
  /** Fires the policy of every bottle that this counter governs. */
  cutAll(counter: Counter): void
  onBug(error: unknown): void
}

export function createBottleEvents(options: BottleEventsOptions): EgressEvents {
  const { bottleId, bus, budgets, nowMs, governingOf } = options

  const warn = async (counter: Counter) => {
    const thresholdPercent = await budgets.crossedThreshold(counter, nowMs())
    if (thresholdPercent !== undefined) {
      bus.emit({ kind: 'warning', bottleId, thresholdPercent, counter, atMs: nowMs() })
    }
  }

  return {
    started: ({ attemptId, provider, model, inputTokens }) =>
      bus.emit({
        kind: 'exchange_started',
        bottleId,
        attemptId,
        provider,
        model,
        holdTokens: inputTokens,
        atMs: nowMs(),
      }),
    progress: (progress) => bus.emit({ kind: 'exchange_progress', bottleId, ...progress, atMs: nowMs() }),
    denied: (denial) => bus.emit({ kind: 'denied', bottleId, ...denial, atMs: nowMs() }),
    settled(settlement) {
      const { attemptId, provider, model, chargeTokens, source, ending } = settlement
      const governing = governingOf(settlement)
      bus.emit({
        kind: 'exchange_settled',
        bottleId,
        attemptId,
        provider,
        model,
        chargeTokens,
        source,
        ending,
        governing,
        atMs: nowMs(),
      })
      if (!governing || governing.limitTokens === null) return
      // A spent budget is told by its cut; a warning beside it would only be noise.
      if (governing.settledTokens >= governing.limitTokens) options.cutAll(governing)
      else warn(governing).catch(options.onBug)
    },
    spent: ({ message }) => options.cut(message),
  }
}
