/** The one place where the state changes, and whom it tells. */
import type { Intent } from './model/keys.ts'
import { perform } from './model/perform.ts'
import { reduce } from './model/reduce.ts'
import { type Effect, initialState, type Message, type State, type Step } from './model/state.ts'

export interface Store {
  readonly state: State
  tell(message: Message): void
  intend(intent: Intent): void
  subscribe(listener: () => void): () => void
}

export interface StoreOptions {
  readonly nowMs: () => number
  /** Called after the state has changed. */
  perform(effect: Effect): void
}

export function createStore({ nowMs, perform: act }: StoreOptions): Store {
  let state = initialState(nowMs())
  const listeners = new Set<() => void>()
  const take = (step: Step) => {
    state = step.state
    for (const effect of step.effects) act(effect)
    for (const listener of listeners) listener()
  }
  return {
    get state() {
      return state
    },
    tell: (message) => take(reduce(state, message, nowMs())),
    intend: (intent) => take(perform(state, intent)),
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
