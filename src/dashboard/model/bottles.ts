/** Bottles as rows: what they do now, what they used, and how they stand, sorted, filtered and searched. */
import type { BottleView } from '../../controller/api.ts'
import { type BottleActivity, idleBottle } from '../../core/activity/activity.ts'
import { flowKey, lastHour, tokensPerMinute } from '../../core/activity/flow.ts'
import { type BudgetRow, budgetKey, budgetRows } from './budgets.ts'
import type { Filter, Sorting, State } from './state.ts'

/**
 * - `stopped`: cut off, or it failed
 * - `spent`: next to nothing is left of a budget that holds for it
 * - `near`: of such a budget a good part is used
 */
export type Trouble = 'none' | 'near' | 'spent' | 'stopped'
const troubles: readonly Trouble[] = ['none', 'near', 'spent', 'stopped']

/** Of a budget, settled and held. */
const nearShare = 0.8
const spentShare = 0.95

export interface BottleRow {
  readonly view: BottleView
  readonly activity: BottleActivity
  /** Those that hold for it, as far as they are known. */
  readonly budgets: readonly BudgetRow[]
  /** The one of them that is nearest to its end. */
  readonly budget: BudgetRow | undefined
  readonly providers: readonly string[]
  readonly isAlive: boolean
  /** Settled, and seen in flight. */
  readonly usedTokens: number
  /** Seen of exchanges in flight. */
  readonly liveTokens: number
  readonly tokensPerMinute: number
  readonly lastHour: readonly number[]
  readonly trouble: Trouble
}

export function allBottleRows(state: State): readonly BottleRow[] {
  const budgets = new Map(budgetRows(state).map((row) => [row.key, row]))
  return [...state.bottles.values()].map((view) => bottleRow(view, state, budgets))
}

/** Those that are shown, in their order: what ended is last, however it is sorted. */
export function bottleRows(state: State): readonly BottleRow[] {
  const { sorting, isReversed, filter, search } = state
  const sign = isReversed ? -1 : 1
  return allBottleRows(state)
    .filter((row) => passes(row, filter) && matches(row, search))
    .toSorted(
      (one, other) =>
        Number(other.isAlive) - Number(one.isAlive) || sign * compare(one, other, sorting) || byName(one, other),
    )
}

function bottleRow(view: BottleView, state: State, budgets: ReadonlyMap<string, BudgetRow>): BottleRow {
  const activity = state.activity.bottles.get(view.id) ?? idleBottle(view.id)
  const own = view.budgets.map((counter) => budgets.get(budgetKey(counter))).filter((row) => row !== undefined)
  const budget = own.toSorted((one, other) => other.usedShare - one.usedShare)[0]
  const liveTokens = activity.open.reduce((sum, { observedTokens }) => sum + observedTokens, 0)
  const providers = [...new Set(view.budgets.map(({ provider }) => provider))]
  const flows = providers.map((provider) => state.activity.flows.get(flowKey(`run:${view.id}`, provider)))
  return {
    view,
    activity,
    budgets: own,
    budget,
    providers,
    isAlive: view.endedAtMs === null,
    usedTokens: activity.chargedTokens + liveTokens,
    liveTokens,
    tokensPerMinute: flows.reduce((sum, flow) => sum + tokensPerMinute(flow, state.nowMs), 0),
    lastHour: flows
      .map((flow) => lastHour(flow, state.nowMs))
      .reduce((sum, one) => sum.map((tokens, minute) => tokens + (one[minute] ?? 0)), lastHour(undefined, 0)),
    trouble: troubleOf(view, budget),
  }
}

function troubleOf({ state, endedAtMs }: BottleView, budget: BudgetRow | undefined): Trouble {
  if (state === 'cut' || state === 'failed') return 'stopped'
  if (endedAtMs !== null || !budget || state === 'frozen') return 'none'
  if (budget.usedShare >= spentShare) return 'spent'
  return budget.usedShare >= nearShare ? 'near' : 'none'
}

function passes({ isAlive, trouble }: BottleRow, filter: Filter): boolean {
  if (filter === 'alive') return isAlive
  return filter === 'all' || trouble !== 'none'
}

/** Every word somewhere in what one knows a bottle by. */
function matches({ view, providers }: BottleRow, search: string): boolean {
  const { id, agent, state, policy, definitions } = view
  const text = [id, agent, state, policy, ...definitions, ...providers].join(' ').toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

/** The one that matters more comes first. */
function compare(one: BottleRow, other: BottleRow, sorting: Sorting): number {
  switch (sorting) {
    case 'trouble':
      return (
        troubles.indexOf(other.trouble) - troubles.indexOf(one.trouble) || other.view.createdAtMs - one.view.createdAtMs
      )
    case 'name':
      return byName(one, other)
    case 'tokens':
      return other.usedTokens - one.usedTokens
    case 'used':
      return (other.budget?.usedShare ?? -1) - (one.budget?.usedShare ?? -1)
    case 'denied':
      return other.activity.denials - one.activity.denials
    case 'age':
      return other.view.createdAtMs - one.view.createdAtMs
  }
}

function byName({ view: { id } }: BottleRow, { view: other }: BottleRow): number {
  return id < other.id ? -1 : id > other.id ? 1 : 0
}
