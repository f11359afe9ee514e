import type { ControllerEvent } from './api.ts'

export interface EventBus {
  emit(event: ControllerEvent): void
  /** Calls the listener synchronously for each event until disposed. Listeners do not throw. */
  subscribe(listener: (event: ControllerEvent) => void): Disposable
}

export function createEventBus(): EventBus {
  const listeners = new Set<(event: ControllerEvent) => void>()
  return {
    emit(event) {
      for (const listener of listeners) listener(event)
    },
    subscribe(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}

/** The bottle that an event is about; undefined for what concerns all. */
export function bottleIdOf(event: ControllerEvent): string | undefined {
  if (event.kind === 'bottle') return event.bottle.id
  return 'bottleId' in event ? event.bottleId : undefined
}
