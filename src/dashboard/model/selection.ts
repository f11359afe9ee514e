/** What of a list is selected. It is kept by its key: what is sorted anew or comes in between moves no selection. */
import { auditRows } from './audit.ts'
import { bottleRows } from './bottles.ts'
import { budgetRows } from './budgets.ts'
import type { Screen, State } from './state.ts'

/** In the order in which they are shown. */
export function keysOf(state: State, screen: Screen): readonly string[] {
  switch (screen) {
    case 'bottles':
      return bottleRows(state).map(({ view }) => view.id)
    case 'budgets':
      return budgetRows(state).map(({ key }) => key)
    case 'audit':
      return auditRows(state.audit).map(({ enforcementId }) => enforcementId)
  }
}

/** The first where nothing was selected or where that is gone; undefined for an empty list. */
export function selectedKey(state: State, screen: Screen): string | undefined {
  const keys = keysOf(state, screen)
  const key = state.selected[screen]
  return key !== undefined && keys.includes(key) ? key : keys[0]
}

export function withMoved(state: State, screen: Screen, rows: number): State {
  const keys = keysOf(state, screen)
  const from = keys.indexOf(selectedKey(state, screen) ?? '')
  const key = keys[Math.max(0, Math.min(keys.length - 1, from + rows))]
  return { ...state, selected: { ...state.selected, [screen]: key } }
}

/** The bottle that keys are for: the one that is looked at, or else the one that the selection is about. */
export function chosenBottle(state: State): string | undefined {
  if (state.detail) return state.detail.id
  const key = selectedKey(state, state.screen)
  if (state.screen === 'bottles') return key
  if (state.screen === 'audit')
    return auditRows(state.audit).find(({ enforcementId }) => enforcementId === key)?.bottleId
  return undefined
}
