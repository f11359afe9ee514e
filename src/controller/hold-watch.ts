/** Who holds which bottle: one that nobody comes to hold in time has lost whoever asked for it. */
import { BottleError } from '../core/errors.ts'

/** From a start, or from the end of a controller, to the opening of a session. */
export const holdTimeoutMs = 30_000

export interface HoldWatch extends Disposable {
  /** From now on somebody has to come. */
  expect(id: string): void
  /** Somebody came. Throws BottleError `conflict` where nobody was expected. */
  hold(id: string): void
  forget(id: string): void
}

export function createHoldWatch({ onMissing }: { onMissing(id: string): void }): HoldWatch {
  const timers = new Map<string, NodeJS.Timeout>()
  const forget = (id: string) => {
    clearTimeout(timers.get(id))
    timers.delete(id)
  }
  return {
    expect(id) {
      timers.set(
        id,
        setTimeout(() => {
          timers.delete(id)
          onMissing(id)
        }, holdTimeoutMs),
      )
    },
    hold(id) {
      if (!timers.has(id)) throw new BottleError('conflict', `bottle "${id}" is not waiting to be held`)
      forget(id)
    },
    forget,
    [Symbol.dispose]() {
      for (const id of [...timers.keys()]) forget(id)
    },
  }
}
