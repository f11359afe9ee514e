/** Which budgets a new limit may be for: the selected one, or those of the selected bottle, the one that governs first. */
import { periodOfKey } from '../../core/budget/period.ts'
import { allBottleRows } from './bottles.ts'
import { type BudgetRow, budgetRows } from './budgets.ts'
import { chosenBottle, selectedKey } from './selection.ts'
import type { RaiseChoice, State } from './state.ts'

export function raiseChoices(state: State): readonly RaiseChoice[] {
  if (state.screen === 'budgets' && !state.detail) {
    const key = selectedKey(state, 'budgets')
    return budgetRows(state)
      .filter((row) => row.key === key)
      .map(choiceOf)
  }
  const id = chosenBottle(state)
  const row = allBottleRows(state).find(({ view }) => view.id === id)
  if (!row?.isAlive) return []
  const governing = row.budgets.map(choiceOf)
  const own = row.providers
    .filter((provider) => !governing.some((one) => one.scope === `run:${id}` && one.provider === provider))
    .map((provider): RaiseChoice => {
      const usedTokens = row.activity.chargedTokens
      return { scope: `run:${id}`, provider, period: 'total', always: false, usedTokens, limitTokens: null }
    })
  return [...governing, ...own]
}

function choiceOf({ budget }: BudgetRow): RaiseChoice {
  const { scope, provider, period, always, settledTokens, limitTokens } = budget
  return { scope, provider, period: periodOfKey(period), always, usedTokens: settledTokens, limitTokens }
}
