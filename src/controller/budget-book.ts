/**
 * Which budgets are defined, in memory, so that the governing one of an exchange is known without asking the ledger.
 * Limits live in the ledger's counters, where room is decided; this book only says which counters have one.
 */
import { governing } from '../core/budget/chain.ts'
import type { BudgetLimit } from '../core/budget/limit.ts'
import { type Counter, type CounterKey, type Scope, scopeKey } from '../core/budget/scope.ts'
import type { Ledger, Warning } from '../ledger/ledger.ts'

export interface BudgetBook {
  /** Makes these the only budgets of a scope. */
  define(scope: Scope, limits: readonly BudgetLimit[]): Promise<void>
  /** Sets some budgets of a scope, leaving its others. */
  set(scope: Scope, limits: readonly BudgetLimit[]): Promise<void>
  governing(chain: readonly CounterKey[]): CounterKey | undefined
  /** The first threshold above those that were told before, of a counter after a charge; each is told once. */
  crossedThreshold(counter: Counter, nowMs: number): Promise<number | undefined>
}

export const warningThresholdsPercent: readonly number[] = [50, 80, 90, 95]

export function createBudgetBook(ledger: Ledger): BudgetBook {
  const limited = new Map<string, CounterKey>()
  /** What was told, so that the ledger is asked once per threshold and not at every charge beyond it. */
  const told = new Set<string>()

  const set = async (scope: Scope, limits: readonly BudgetLimit[]) => {
    for (const { provider, limitTokens } of limits) {
      const key = keyOf(scope, provider)
      await ledger.setLimit(key, limitTokens)
      limited.set(nameOf(key), key)
    }
  }

  return {
    set,
    async define(scope, limits) {
      const kept = new Set(limits.map(({ provider }) => provider))
      for (const counter of await ledger.counters({ scope: scopeKey(scope) })) {
        if (counter.limitTokens === null || kept.has(counter.provider)) continue
        await ledger.setLimit(keyOf(scope, counter.provider), null)
        limited.delete(nameOf(counter))
      }
      await set(scope, limits)
    },
    governing: (chain) => governing(chain, (key) => limited.has(nameOf(key))),
    async crossedThreshold(counter, nowMs) {
      const { limitTokens, settledTokens } = counter
      if (limitTokens === null || limitTokens === 0) return undefined
      const usedPercent = (settledTokens / limitTokens) * 100
      let highest: number | undefined
      for (const thresholdPercent of warningThresholdsPercent) {
        const tale = `${nameOf(counter)}\n${limitTokens}\n${thresholdPercent}`
        if (usedPercent < thresholdPercent || told.has(tale)) continue
        told.add(tale)
        const { scope, provider, period } = counter
        const warning: Warning = { scope, provider, period, limitTokens, thresholdPercent, nowMs }
        if (await ledger.recordWarning(warning)) highest = thresholdPercent
      }
      return highest
    },
  }
}

function keyOf(scope: Scope, provider: string): CounterKey {
  return { scope: scopeKey(scope), provider, period: 'total' }
}

function nameOf({ scope, provider, period }: CounterKey): string {
  return `${scope}\n${provider}\n${period}`
}
