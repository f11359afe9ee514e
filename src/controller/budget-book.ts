/**
 * Which budgets are in force at which scope, in memory, so that those of an exchange are known without asking the ledger.
 * Limits live in the ledger, where room is decided; this book only says which of them hold for whom.
 *
 * A scope's budgets are those that files define, but for providers that an operator has set there: an override takes the place of
 * all that the files say for its provider, and is kept in the ledger until it is removed.
 */
import { type ChainBudget, type DefinedBudget, rolesInChain, type ScopeBudgets } from '../core/budget/defined-budget.ts'
import { periodKey } from '../core/budget/period.ts'
import { type BudgetKey, type Counter, type CounterKey, type Scope, scopeKey } from '../core/budget/scope.ts'
import { thresholdsReached } from '../core/budget/thresholds.ts'
import type { Ledger, Override, Warning } from '../ledger/ledger.ts'

export interface BudgetInForce extends DefinedBudget {
  readonly origin: 'file' | 'operator'
}

export interface BudgetBook {
  /** Makes these the only budgets that files define at a scope. */
  define(scope: Scope, budgets: readonly DefinedBudget[]): Promise<void>
  /** Sets budgets in place of all others that the scope has for their providers. */
  override(scope: Scope, budgets: readonly DefinedBudget[]): Promise<void>
  /** Lets the files say again what a scope has for a provider. False when no override was there. */
  removeOverride(scope: Scope, provider: string): Promise<boolean>
  /** Takes in what operators of other hosts set or removed. */
  readAgain(): Promise<void>
  /**
   * The counters whose budgets hold at this moment for a bottle with this chain of scopes (keys, the run first): those that
   * govern, then those that always hold.
   */
  holding(chain: readonly string[], provider: string, nowMs: number): readonly CounterKey[]
  /** Every budget of a chain for one provider, and what it means there. */
  roles(chain: readonly string[], provider: string): readonly ChainBudget<BudgetInForce>[]
  /** Everything in force, by scopes; of scopes that no file was read for, what operators set. */
  list(): Promise<readonly ScopeBudgets<BudgetInForce>[]>
  /** The highest threshold that a counter reached, where it was not told before; each is told once (L19). */
  reachedThreshold(counter: Counter, nowMs: number): Promise<number | undefined>
}

export interface BudgetBookOptions {
  readonly ledger: Pick<
    Ledger,
    'setLimit' | 'limits' | 'setOverride' | 'removeOverride' | 'overrides' | 'recordWarning'
  >
  readonly thresholdsPercent: readonly number[]
}

export function createBudgetBook({ ledger, thresholdsPercent }: BudgetBookOptions): BudgetBook {
  const ofFiles = new Map<string, readonly DefinedBudget[]>()
  const inForce = new Map<string, readonly BudgetInForce[]>()
  /** What was told, so that the ledger is asked once per threshold and not at every charge beyond it. */
  const told = new Set<string>()

  /** Changes are made one after the other: two at once would take away what the other one sets. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }

  const apply = async (scope: string): Promise<void> => {
    const overrides = await ledger.overrides({ scope })
    const budgets = [
      ...(ofFiles.get(scope) ?? [])
        .filter(({ provider }) => !overrides.some((override) => override.provider === provider))
        .map((budget) => ({ ...budget, origin: 'file' as const })),
      ...overrides.map(inForceByOverride),
    ]
    if (JSON.stringify(inForce.get(scope)) === JSON.stringify(budgets)) return
    for (const { provider, period, limitTokens } of budgets) {
      await ledger.setLimit({ scope, provider, period }, limitTokens)
    }
    if (budgets.length > 0) inForce.set(scope, budgets)
    else inForce.delete(scope)
    // Last: a budget that takes another one's place holds before that one is gone.
    for (const limit of await ledger.limits({ scope })) {
      if (!budgets.some((budget) => isOf(budget, limit))) await ledger.setLimit(limit, null)
    }
  }

  const roles: BudgetBook['roles'] = (chain, provider) =>
    rolesInChain(
      chain.map((scope) => ({ scope, budgets: inForce.get(scope) ?? [] })),
      provider,
    )

  return {
    define: (scope, budgets) =>
      inTurn(() => {
        ofFiles.set(scopeKey(scope), budgets)
        return apply(scopeKey(scope))
      }),
    override: (scope, budgets) =>
      inTurn(async () => {
        const key = scopeKey(scope)
        for (const { provider, period, limitTokens, always } of budgets) {
          await ledger.setOverride({ scope: key, provider, period, limitTokens, always })
        }
        await apply(key)
      }),
    removeOverride: (scope, provider) =>
      inTurn(async () => {
        const wasThere = await ledger.removeOverride({ scope: scopeKey(scope), provider })
        await apply(scopeKey(scope))
        return wasThere
      }),
    readAgain: () =>
      inTurn(async () => {
        for (const scope of new Set([...ofFiles.keys(), ...inForce.keys()])) await apply(scope)
      }),
    holding(chain, provider, nowMs) {
      const moment = { atMs: nowMs, run: chain[0] ?? '' }
      return roles(chain, provider)
        .filter(({ role }) => role !== 'overruled')
        .map(({ scope, budget }) => ({ scope, provider, period: periodKey(budget.period, moment) }))
    },
    roles,
    async list() {
      const known = [...inForce].map(([scope, budgets]) => ({ scope, budgets }))
      const others = (await ledger.overrides())
        .filter(({ scope }) => !inForce.has(scope))
        .map((override) => ({ scope: override.scope, budgets: [inForceByOverride(override)] }))
      return [...known, ...others]
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

function inForceByOverride({ provider, period, limitTokens, always }: Override): BudgetInForce {
  return { provider, period, limitTokens, always, origin: 'operator' }
}

function isOf(budget: DefinedBudget, { provider, period }: BudgetKey): boolean {
  return budget.provider === provider && budget.period === period
}
