/** Round numbers for an axis. */

/** From 0 up to a round number that is no less than `max`, in three to six steps of 1, 2, 2.5 or 5 times a power of ten. */
export function ticksUpTo(max: number): readonly number[] {
  if (!(max > 0)) return [0, 1]
  const rough = max / 4
  // Tokens are whole.
  const power = Math.max(1, 10 ** Math.floor(Math.log10(rough)))
  const steps = [1, 2, 2.5, 5, 10].map((factor) => factor * power).filter(Number.isInteger)
  const step = steps.find((one) => one >= rough) ?? 10 * power
  const count = Math.max(1, Math.ceil(max / step - 1e-9))
  return Array.from({ length: count + 1 }, (_, index) => index * step)
}

/** At most `count` indexes of a row of `length`, spread evenly and away from its ends. */
export function spreadIndexes(length: number, count: number): readonly number[] {
  if (length <= count) return Array.from({ length }, (_, index) => index)
  return Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * length) / count))
}
