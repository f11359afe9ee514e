/**
 * Finds the bottles whose budget is spent, after a charge or after limits were changed, and has each cut by its own policy:
 * those that share a budget in the same tick, whoever spent it (E04).
 */
import { isSpent } from '../core/budget/admit.ts'
import { type Counter, type CounterKey, isSameCounter } from '../core/budget/scope.ts'
import { spentMessage } from '../core/budget/wording.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { LiveBottle } from './live-bottle.ts'

export interface BudgetWatch {
  /** To be told of every counter that was charged. */
  charged(counter: Counter): void
  /** To be told when limits were changed: one that is now below what is spent cuts at once (L10). */
  limitsChanged(): Promise<void>
}

export interface BudgetWatchOptions {
  readonly ledger: Pick<Ledger, 'counter'>
  readonly living: ReadonlyMap<string, LiveBottle>
  readonly nowMs: () => number
  /** Fires the bottle's policy. */
  cut(bottle: LiveBottle, message: string): void
}

export function createBudgetWatch({ ledger, living, nowMs, cut }: BudgetWatchOptions): BudgetWatch {
  return {
    charged(counter) {
      if (!isSpent(counter)) return
      for (const bottle of living.values()) {
        // A counter of a period that is over holds for nobody, even if an exchange that began in it is charged now.
        const holds = heldKeys(bottle, nowMs()).some((key) => isSameCounter(key, counter))
        if (holds && !bottle.isCut) cut(bottle, spentMessage(counter))
      }
    },
    async limitsChanged() {
      for (const bottle of living.values()) {
        const counters = await Promise.all(heldKeys(bottle, nowMs()).map((key) => ledger.counter(key)))
        const spent = counters.find(isSpent)
        if (spent && !bottle.isCut) cut(bottle, spentMessage(spent))
      }
    },
  }
}

/** The keys of the budgets that hold for a bottle at this moment, for all of its providers. */
export function heldKeys(bottle: LiveBottle, nowMs: number): readonly CounterKey[] {
  return bottle.providers.flatMap((provider) => bottle.budgetsOf(provider, nowMs).governing)
}
