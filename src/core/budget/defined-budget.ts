/**
 * Budgets as they are defined at the scopes of a bottle, and which of them hold.
 *
 * The most specific scope that defines a budget for a provider **governs**; budgets that are marked `always` hold besides,
 * wherever they are defined. A scope may define several for one provider, each for another period: then all of them hold.
 */
import type { BudgetLimit } from './limit.ts'
import { defaultPeriod, type Period } from './period.ts'

export interface DefinedBudget extends BudgetLimit {
  readonly period: Period
  /** Holds even where a more specific scope defines a budget for the same provider. */
  readonly always: boolean
}

/** A budget of which nothing but the limit was said. */
export function plainBudget({ provider, limitTokens }: BudgetLimit): DefinedBudget {
  return { provider, limitTokens, period: defaultPeriod, always: false }
}

/** What is defined at one scope. */
export interface ScopeBudgets<Budget extends DefinedBudget = DefinedBudget> {
  /** As `scopeKey` spells it. */
  readonly scope: string
  readonly budgets: readonly Budget[]
}

/**
 * - `governs`: defined at the most specific scope that has any for the provider
 * - `always`: holds, though a more specific one governs
 * - `overruled`: does not hold
 */
export type BudgetRole = 'governs' | 'always' | 'overruled'

export interface ChainBudget<Budget extends DefinedBudget = DefinedBudget> {
  readonly scope: string
  readonly budget: Budget
  readonly role: BudgetRole
}

/** Every budget of a chain (most specific scope first) for one provider, in the order of the chain, and what it means there. */
export function rolesInChain<Budget extends DefinedBudget>(
  chain: readonly ScopeBudgets<Budget>[],
  provider: string,
): readonly ChainBudget<Budget>[] {
  const defined = chain.flatMap(({ scope, budgets }) =>
    budgets.filter((budget) => budget.provider === provider).map((budget) => ({ scope, budget })),
  )
  const governingScope = defined[0]?.scope
  return defined.map(({ scope, budget }) => {
    if (scope === governingScope) return { scope, budget, role: 'governs' }
    return { scope, budget, role: budget.always ? 'always' : 'overruled' }
  })
}
