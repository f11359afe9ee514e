/** A usual pace; models at work write 40 to 150 a second. */
const tokensPerSecond = 50

export interface UnseenOutput {
  /** What the reservation holds for output at first. */
  readonly heldTokens: number
  /** Since the request was sent. */
  readonly waitedMs: number
  /** The most that the client allowed. */
  readonly maxOutputTokens: number | undefined
  readonly answerCount: number
}

/**
 * What a provider has generated, and bills, for a call that was broken off from our side before any output was seen: at least
 * what was held for it, more the longer it had, never more than it was allowed.
 */
export function unseenOutputTokens({ heldTokens, waitedMs, maxOutputTokens, answerCount }: UnseenOutput): number {
  const generatedTokens = answerCount * Math.max(heldTokens, Math.ceil((waitedMs / 1000) * tokensPerSecond))
  return maxOutputTokens === undefined ? generatedTokens : Math.min(generatedTokens, maxOutputTokens)
}
