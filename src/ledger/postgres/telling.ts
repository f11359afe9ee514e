/** Tells the other hosts what this one was charged: sums that changed, soon after they did, in the background. */
import type { Journal } from '../journal.ts'
import type { Shares } from './shares.ts'

const maxHours = 500
/** From a charge until it is told, so that those of a moment are told together. */
const delayMs = 20
const minIntervalMs = 100

export interface Telling {
  /** Resolves when all that was settled before is told. Rejects when the database is away. */
  tellAll(): Promise<void>
  soon(): void
  stop(): void
}

export function createTelling(
  journal: Pick<Journal, 'untoldHours' | 'markTold'>,
  shares: Pick<Shares, 'tell'>,
): Telling {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let lastMs = -minIntervalMs

  const run = async () => {
    for (;;) {
      const hours = await journal.untoldHours(maxHours)
      if (hours.length > 0) {
        await shares.tell(hours)
        await journal.markTold(hours)
      }
      if (hours.length < maxHours) return
    }
  }
  const tellAll = (): Promise<void> => {
    if (running === undefined) {
      running = run().finally(() => {
        running = undefined
        lastMs = performance.now()
      })
      return running
    }
    // What runs may have read before the last charge.
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined
        return tellAll()
      })
    return next
  }

  return {
    tellAll,
    soon() {
      timer ??= setTimeout(
        () => {
          timer = undefined
          // When the database is back, all is told that was not.
          tellAll().catch(() => {})
        },
        Math.max(delayMs, lastMs + minIntervalMs - performance.now()),
      ).unref()
    },
    stop() {
      clearTimeout(timer)
    },
  }
}
