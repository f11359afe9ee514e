/**
 * The latest errors of one kind of estimate, each as a part of what it was about, and the margin that they ask for. Kept in a
 * fixed window, so that errors of long ago neither widen nor narrow it.
 */
export interface ErrorWindow {
  /** Oldest first; positive where the estimate was too low. */
  readonly errors: readonly number[]
  /** What to add to an estimate, as a part of what it is about. */
  readonly margin: number
}

export const maxErrors = 100
/** A larger error says no more than this one. */
export const maxError = 3
/** Beyond the 95th percentile of the errors by so much, an estimate is low in less than one of a hundred cases. */
const safety = 2
/** So many of these stand in a window at first, so that a few lucky estimates make no narrow margin. */
const doubts = 2

export function startWindow(doubt: number): ErrorWindow {
  return windowOf(Array.from({ length: doubts }, () => doubt / safety))
}

export function withError({ errors }: ErrorWindow, error: number): ErrorWindow {
  const kept = errors.slice(1 - maxErrors)
  kept.push(Math.min(maxError, Math.max(-maxError, error)))
  return windowOf(kept)
}

export function windowOf(errors: readonly number[]): ErrorWindow {
  return { errors, margin: safety * percentile95(errors) }
}

/** The size that 95 of a hundred values do not exceed. */
export function percentile95(values: readonly number[]): number {
  // The few largest sizes, in order: cheaper than to sort them all.
  const largest = new Float64Array(1 + Math.floor(values.length * 0.05))
  for (const value of values) {
    let size = Math.abs(value)
    for (let place = 0; place < largest.length; place++) {
      const other = largest[place] as number
      if (size <= other) continue
      largest[place] = size
      size = other
    }
  }
  return largest.at(-1) ?? 0
}
