/**
 * Decides what an exchange is charged when it is over, however it ended. What the provider reported as final stands as it
 * is; what it did not report is estimated, and never lower than what was seen to pass.
 */

import type { Weights } from '../budget/weights.ts'
import type { MeterReading } from './format.ts'
import { chargeOf, inputTokensOf, type Usage, type UsageSource } from './usage.ts'

/**
 * - `complete`: the response ended by itself
 * - `cut`: the budget was spent, or an operator cut
 * - `client_gone`: the client closed before the end
 * - `upstream_reset`, `upstream_timeout`: the provider's side broke off or fell silent
 * - `owner_lost`: the process that held the reservation died; nobody saw the end
 * - `unsent`: it ended before a byte of the request was sent to the provider, for whatever reason
 */
export type ExchangeEnding =
  | 'complete'
  | 'cut'
  | 'client_gone'
  | 'upstream_reset'
  | 'upstream_timeout'
  | 'owner_lost'
  | 'unsent'

export interface EndedExchange {
  /** What the meter read; `undefined` where there was no response body to read. */
  readonly reading: MeterReading | undefined
  /** The estimate of the request's input that the reservation was made with. */
  readonly estimatedInputTokens: number
  readonly ending: ExchangeEnding
  /** `undefined` when no response head came. */
  readonly httpStatus: number | undefined
  readonly weights: Weights
}

export interface Settlement {
  readonly usage: Usage
  readonly chargeTokens: number
  readonly source: UsageSource
}

export function settle({ reading, estimatedInputTokens, ending, httpStatus, weights }: EndedExchange): Settlement {
  const reported = reading?.usage ?? {}
  const hasReport = Object.keys(reported).length > 0
  const isRefusedByProvider = httpStatus !== undefined && (httpStatus < 200 || httpStatus > 299)
  if (ending === 'unsent' || (isRefusedByProvider && !hasReport))
    return { usage: {}, chargeTokens: 0, source: 'unsent' }
  if (reading?.isFinal && isInputKnown(reported) && reported.outputTokens !== undefined)
    return { usage: reported, chargeTokens: chargeOf(reported, weights), source: 'authoritative' }
  const usage = usageSoFar(reading, estimatedInputTokens)
  return { usage, chargeTokens: chargeOf(usage, weights), source: hasReport ? 'partial' : 'estimated' }
}

/** What an exchange would be charged for if it ended here: what is not reported yet is estimated. */
export function usageSoFar(reading: MeterReading | undefined, estimatedInputTokens: number): Usage {
  const reported = reading?.usage ?? {}
  return {
    ...reported,
    ...(isInputKnown(reported) ? {} : { inputTokens: Math.max(0, estimatedInputTokens - inputTokensOf(reported)) }),
    outputTokens: Math.max(reported.outputTokens ?? 0, reading?.observedOutputTokens ?? 0),
  }
}

/** Cache counts alone leave the uncached part unknown. */
function isInputKnown({ inputTokens }: Usage): boolean {
  return inputTokens !== undefined
}
