/** What an exchange holds of its budgets, by the gate. In tokens as the budgets count them. */
import type { Gate } from '../core/budget/gate.ts'
import type { Weights } from '../core/budget/weights.ts'
import { chargeOf } from '../core/metering/usage.ts'
import { leaseChunkTokens, strictOutputTokens } from './limits.ts'

export interface ForeseenUsage {
  /** Estimated input. Tokens. */
  readonly inputTokens: number
  /** What the input will hardly be more than. Tokens. */
  readonly upperInputTokens: number
  /** The most output that the client allows, where it says so. Tokens. */
  readonly maxOutputTokens: number | undefined
  readonly answerCount: number
}

export interface Hold {
  readonly holdTokens: number
  /** How much more is asked for at a time, ahead of need. */
  readonly chunkTokens: number
  /** Whether others cannot have it meanwhile. */
  readonly holdsRoom: boolean
}

export function holdFor(
  { inputTokens, upperInputTokens, maxOutputTokens, answerCount }: ForeseenUsage,
  { gate, weights }: { readonly gate: Gate; readonly weights: Weights },
): Hold {
  // Where output does not count, a chunk of nothing would never get ahead of need.
  const chunkTokens = Math.max(1, chargeOf({ outputTokens: leaseChunkTokens }, weights))
  const leaseTokens = chargeOf({ inputTokens }, weights) + chunkTokens
  if (gate !== 'strict') return { holdTokens: leaseTokens, chunkTokens, holdsRoom: gate === 'lease' }
  const outputTokens = maxOutputTokens ?? strictOutputTokens * answerCount
  const wholeTokens = chargeOf({ inputTokens: upperInputTokens, outputTokens }, weights)
  return { holdTokens: wholeTokens, chunkTokens, holdsRoom: true }
}
