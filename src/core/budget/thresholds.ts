/** At which shares of a budget its users are warned. Percent, ascending. */
export const defaultThresholdsPercent: readonly number[] = [50, 80, 90, 95]

const maxThresholds = 16

/** Why this is no list of thresholds, completing the sentence "thresholds: …"; `undefined` for one. May be empty: no warning. */
export function thresholdsFault(percents: readonly number[]): string | undefined {
  if (percents.length > maxThresholds) return `at most ${maxThresholds} are possible, found ${percents.length}`
  // At 100 the budget is spent: that is told by the cut.
  const strange = percents.find((percent) => !Number.isInteger(percent) || percent < 1 || percent > 99)
  if (strange !== undefined) return `whole percents from 1 to 99 are expected, found ${strange}`
  const unordered = percents.find((percent, index) => percent <= (percents[index - 1] ?? 0))
  return unordered === undefined ? undefined : `${unordered} must be larger than the one before it`
}

/** The thresholds that a counter has reached, ascending. None for a limit of 0, which has no shares. */
export function thresholdsReached(
  percents: readonly number[],
  { limitTokens, settledTokens }: { readonly limitTokens: number; readonly settledTokens: number },
): readonly number[] {
  return percents.filter((percent) => limitTokens > 0 && settledTokens / limitTokens >= percent / 100)
}
