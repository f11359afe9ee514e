/** Budgets as they stand: what was read, with what is held by the exchanges in flight, its rate, and its end at that. */
import type { BudgetView, ControllerEvent } from '../../controller/api.ts'
import type { Activity } from '../../core/activity/activity.ts'
import { type Flow, flowKey, lastHour, tokensPerMinute } from '../../core/activity/flow.ts'
import { type Forecast, forecast } from '../../core/budget/forecast.ts'
import { type CounterKey, isSameCounter } from '../../core/budget/scope.ts'
import type { State } from './state.ts'

export interface BudgetRow {
  readonly key: string
  readonly budget: BudgetView
  readonly heldTokens: number
  /** Of the limit, settled and held; 1 for a limit of 0. */
  readonly usedShare: number
  readonly tokensPerMinute: number
  /** 60 numbers, the minute that runs last. */
  readonly lastHour: readonly number[]
  readonly forecast: Forecast
}

export function budgetKey({ scope, provider, period }: CounterKey): string {
  return `${scope}\n${provider}\n${period}`
}

export function budgetRows(state: State): readonly BudgetRow[] {
  return state.budgets.map((budget) => budgetRow(budget, state))
}

function budgetRow(budget: BudgetView, { activity, nowMs }: State): BudgetRow {
  const { limitTokens, settledTokens, resetsAtMs, recent } = budget
  const heldTokens = heldOf(budget, activity)
  const flow = flowOf(budget, activity)
  const leftTokens = limitTokens - settledTokens - heldTokens
  return {
    key: budgetKey(budget),
    budget,
    heldTokens,
    usedShare: limitTokens === 0 ? 1 : (settledTokens + heldTokens) / limitTokens,
    tokensPerMinute: tokensPerMinute(flow, nowMs),
    lastHour: lastHour(flow, nowMs),
    forecast: forecast({ leftTokens, resetsAtMs, recent, nowMs }),
  }
}

function heldOf({ holdsFor, provider }: BudgetView, { bottles }: Activity): number {
  const open = holdsFor.flatMap((id) => bottles.get(id)?.open ?? [])
  return open.reduce((sum, one) => sum + (one.provider === provider ? one.heldTokens : 0), 0)
}

/** What is used of a budget for each run is what that run uses. */
export function flowOf({ scope, provider, period }: CounterKey, { flows }: Activity): Flow | undefined {
  return flows.get(flowKey(period.startsWith('run:') ? period : scope, provider))
}

type Settled = Extract<ControllerEvent, { kind: 'exchange_settled' }>

/**
 * What a charge makes of the budgets that it counts for. Counters come as they stand, so that an event which was in what was
 * read already changes nothing; only the ledger's keeping of one that no exchange was ever held against waits for the first.
 */
export function withCharge(state: State, { bottleId, provider, counters, chargeTokens }: Settled): State {
  const scopes = state.bottles.get(bottleId)?.scopes ?? []
  const counted = new Set(state.counted)
  const budgets = state.budgets.map((budget) => {
    const counter = counters.find((one) => isSameCounter(one, budget))
    if (counter) counted.add(budgetKey(counter))
    else if (budget.provider !== provider || !isOfRun(budget, scopes)) return budget
    const { recent } = budget
    return {
      ...budget,
      settledTokens: counter?.settledTokens ?? budget.settledTokens + chargeTokens,
      recent: { ...recent, usedTokens: recent.usedTokens + chargeTokens, exchanges: recent.exchanges + 1 },
    }
  })
  return { ...state, budgets, counted }
}

/** A budget for each run counts what its own run uses. */
function isOfRun({ scope, period }: CounterKey, scopes: readonly string[]): boolean {
  return scopes.includes(scope) && (!period.startsWith('run:') || period === scopes[0])
}

/** What is read may have been overtaken by counters that events told on its way. */
export function newerBudgets({ budgets, counted }: State, read: readonly BudgetView[]): readonly BudgetView[] {
  return read.map((budget) => {
    const before = counted.has(budgetKey(budget)) ? budgets.find((one) => isSameCounter(one, budget)) : undefined
    return before && before.settledTokens > budget.settledTokens
      ? { ...budget, settledTokens: before.settledTokens }
      : budget
  })
}
