import { type Weights, weigh } from '../budget/weights.ts'

/**
 * Tokens of one exchange, each class counted once. `undefined` means the provider did not say; 0 is a value.
 *
 * - Anthropic reports cache tokens outside `input_tokens`; they are added.
 * - OpenAI reports cached tokens inside `input_tokens` and reasoning tokens inside `output_tokens`; formats subtract
 *   the cached part from `inputTokens`, and `reasoningTokens` stays a part of `outputTokens`.
 */
export interface Usage {
  /** Uncached input. */
  readonly inputTokens?: number
  readonly cacheWrite5mTokens?: number
  readonly cacheWrite1hTokens?: number
  readonly cacheReadTokens?: number
  /** All output, reasoning included. */
  readonly outputTokens?: number
  /** The part of `outputTokens` that was reasoning; never added to a total. */
  readonly reasoningTokens?: number
}

/**
 * - `authoritative`: the provider reported the final counts
 * - `partial`: it reported some, the rest is estimated from the bytes seen
 * - `estimated`: it reported nothing that counts
 * - `unsent`: nothing was sent to a provider, or it answered with an error that costs nothing
 */
export type UsageSource = 'authoritative' | 'partial' | 'estimated' | 'unsent'

export function inputTokensOf(usage: Usage): number {
  return (
    (usage.inputTokens ?? 0) +
    (usage.cacheWrite5mTokens ?? 0) +
    (usage.cacheWrite1hTokens ?? 0) +
    (usage.cacheReadTokens ?? 0)
  )
}

/** What a budget is charged for this usage. Whole tokens, as the budget counts them. */
export function chargeOf(usage: Usage, weights: Weights): number {
  const {
    inputTokens = 0,
    cacheWrite5mTokens = 0,
    cacheWrite1hTokens = 0,
    cacheReadTokens = 0,
    outputTokens = 0,
  } = usage
  const cacheWrite = cacheWrite5mTokens + cacheWrite1hTokens
  return weigh({ input: inputTokens, cacheWrite, cacheRead: cacheReadTokens, output: outputTokens }, weights)
}

/** More than any exchange can cost; a count beyond it is an error of the provider's, not a bill. */
export const maxTokenCount = 1_000_000_000

/** Whether a value from a provider can be a token count: a non-negative integer of a believable size. */
export function isTokenCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxTokenCount
}
