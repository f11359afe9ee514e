/**
 * Who waits for room in which budgets, in the order in which they began to wait. Without it a request that needs much would
 * wait for as long as small ones come that need less than what is free.
 */
import type { CounterKey } from '../core/budget/scope.ts'

export interface RoomLine {
  /** Whether somebody waits for room in one of these budgets. */
  isAwaited(budgets: readonly CounterKey[]): boolean
  join(budgets: readonly CounterKey[]): PlaceInLine
}

export interface PlaceInLine {
  /** Resolves once nobody who came earlier waits for any of the same budgets, or when the signal aborts; never rejects. */
  turn(signal: AbortSignal): Promise<void>
  leave(): void
}

interface Place {
  readonly names: readonly string[]
  readonly isFirst: PromiseWithResolvers<void>
}

export function createRoomLine(): RoomLine {
  const lines = new Map<string, Place[]>()
  const isFirst = (place: Place) => place.names.every((name) => lines.get(name)?.[0] === place)

  const leave = (place: Place) => {
    for (const name of place.names) {
      const left = lines.get(name)?.filter((other) => other !== place) ?? []
      if (left.length === 0) lines.delete(name)
      else lines.set(name, left)
    }
    for (const name of place.names) {
      const next = lines.get(name)?.[0]
      if (next && isFirst(next)) next.isFirst.resolve()
    }
  }

  return {
    isAwaited: (budgets) => budgets.some((budget) => lines.has(nameOf(budget))),
    join(budgets) {
      const names = [...new Set(budgets.map(nameOf))]
      const place: Place = { names, isFirst: Promise.withResolvers() }
      for (const name of names) lines.set(name, [...(lines.get(name) ?? []), place])
      if (isFirst(place)) place.isFirst.resolve()
      return {
        async turn(signal) {
          if (signal.aborted) return
          const aborted = Promise.withResolvers<void>()
          const onAbort = () => aborted.resolve()
          signal.addEventListener('abort', onAbort, { once: true })
          await Promise.race([place.isFirst.promise, aborted.promise])
          signal.removeEventListener('abort', onAbort)
        },
        leave: () => leave(place),
      }
    },
  }
}

function nameOf({ scope, provider, period }: CounterKey): string {
  return `${scope}\0${provider}\0${period}`
}
