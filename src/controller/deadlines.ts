/** The times at which bottles have to end (`--timeout`), by the clock: also over the death of a controller, and a host that slept. */

export interface Deadlines extends Disposable {
  /** undefined: none. */
  set(id: string, atMs: number | undefined): void
}

/** Node's timers hold no more. */
const maxTimerMs = 2 ** 31 - 1

export function createDeadlines(options: { readonly nowMs: () => number; onDue(id: string): void }): Deadlines {
  const { nowMs, onDue } = options
  const timers = new Map<string, NodeJS.Timeout>()
  const set = (id: string, atMs: number | undefined) => {
    clearTimeout(timers.get(id))
    timers.delete(id)
    if (atMs === undefined) return
    const look = () => {
      if (nowMs() < atMs) return set(id, atMs)
      timers.delete(id)
      onDue(id)
    }
    timers.set(id, setTimeout(look, Math.min(Math.max(0, atMs - nowMs()), maxTimerMs)))
  }
  return {
    set,
    [Symbol.dispose]() {
      for (const timer of timers.values()) clearTimeout(timer)
    },
  }
}
