/**
 * Which budgets are defined at which scope, in memory, so that those of an exchange are known without asking the ledger.
 * Limits live in the ledger, where room is decided; this book only says which of them hold for whom.
 */
import { type DefinedBudget, plainBudget, rolesInChain } from '../core/budget/defined-budget.ts'
import type { BudgetLimit } from '../core/budget/limit.ts'
import { periodKey } from '../core/budget/period.ts'
import { type BudgetKey, type Counter, type CounterKey, type Scope, scopeKey } from '../core/budget/scope.ts'
import { thresholdsReached } from '../core/budget/thresholds.ts'
import type { Ledger, Warning } from '../ledger/ledger.ts'

export interface BudgetBook {
  /** Makes these the only budgets of a scope. */
  define(scope: Scope, budgets: readonly DefinedBudget[]): Promise<void>
  /** Gives a scope budgets of all time, in place of any that it has for their providers. */
  set(scope: Scope, limits: readonly BudgetLimit[]): Promise<void>
  /**
   * The counters whose budgets hold at this moment for a bottle with this chain of scopes (keys, the run first): those that
   * govern, then those that always hold.
   */
  holding(chain: readonly string[], provider: string, nowMs: number): readonly CounterKey[]
  /** The highest threshold that a counter reached, where it was not told before; each is told once (L19). */
  reachedThreshold(counter: Counter, nowMs: number): Promise<number | undefined>
}

export interface BudgetBookOptions {
  readonly ledger: Pick<Ledger, 'setLimit' | 'limits' | 'recordWarning'>
  readonly thresholdsPercent: readonly number[]
}

export function createBudgetBook({ ledger, thresholdsPercent }: BudgetBookOptions): BudgetBook {
  const defined = new Map<string, readonly DefinedBudget[]>()
  /** What was told, so that the ledger is asked once per threshold and not at every charge beyond it. */
  const told = new Set<string>()

  /** Definitions are made one after the other: two at once would take away what the other one sets. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }

  const define = async (scope: Scope, budgets: readonly DefinedBudget[]): Promise<void> => {
    const key = scopeKey(scope)
    if (JSON.stringify(defined.get(key)) === JSON.stringify(budgets)) return
    for (const { provider, period, limitTokens } of budgets) {
      await ledger.setLimit({ scope: key, provider, period }, limitTokens)
    }
    defined.set(key, budgets)
    // Last: a budget that takes another one's place holds before that one is gone.
    for (const limit of await ledger.limits({ scope: key })) {
      if (!budgets.some((budget) => isOf(budget, limit))) await ledger.setLimit(limit, null)
    }
  }

  return {
    define: (scope, budgets) => inTurn(() => define(scope, budgets)),
    set: (scope, limits) =>
      inTurn(() => {
        const others = (defined.get(scopeKey(scope)) ?? []).filter(
          ({ provider }) => !limits.some((limit) => limit.provider === provider),
        )
        return define(scope, [...others, ...limits.map(plainBudget)])
      }),
    holding(chain, provider, nowMs) {
      const moment = { atMs: nowMs, run: chain[0] ?? '' }
      return rolesInChain(
        chain.map((scope) => ({ scope, budgets: defined.get(scope) ?? [] })),
        provider,
      )
        .filter(({ role }) => role !== 'overruled')
        .map(({ scope, budget }) => ({ scope, provider, period: periodKey(budget.period, moment) }))
    },
    async reachedThreshold({ scope, provider, period, limitTokens, settledTokens }, nowMs) {
      if (limitTokens === null) return undefined
      let highest: number | undefined
      for (const thresholdPercent of thresholdsReached(thresholdsPercent, { limitTokens, settledTokens })) {
        const tale = [scope, provider, period, limitTokens, thresholdPercent].join('\n')
        if (told.has(tale)) continue
        told.add(tale)
        const warning: Warning = { scope, provider, period, limitTokens, thresholdPercent, nowMs }
        if (await ledger.recordWarning(warning)) highest = thresholdPercent
      }
      return highest
    },
  }
}

function isOf(budget: DefinedBudget, { provider, period }: BudgetKey): boolean {
  return budget.provider === provider && budget.period === period
}
