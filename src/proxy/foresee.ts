/** What is known of a request before it is sent. */
import type { InputEstimate } from '../core/metering/estimator/token-estimator.ts'
import type { RequestReading } from '../core/metering/format.ts'
import type { ForeseenUsage } from './hold.ts'
import type { Metering } from './ready-request.ts'

export interface Foreseen extends ForeseenUsage {
  /** As requested. */
  readonly model: string | null
  /** To be learned from by its count; `undefined` where a part of the input was not in the request, and is only guessed. */
  readonly lesson: InputEstimate | undefined
}

/** `reading`: `undefined` where no table says what the body is. */
export function foresee(
  { egress, verdict, contexts }: Pick<Metering, 'egress' | 'verdict' | 'contexts'>,
  { reading, body }: { readonly reading: RequestReading | undefined; readonly body: readonly Uint8Array[] },
): Foreseen {
  const { model = null, maxOutputTokens, answerCount = 1, previousResponseId } = reading ?? {}
  const context = contexts.before(previousResponseId)
  const provider = verdict.provider.name
  const estimate = egress.estimator.estimate({ provider, model, body, contextTokens: context.tokens })
  return {
    model,
    inputTokens: estimate.expectedTokens,
    upperInputTokens: estimate.upperTokens,
    maxOutputTokens,
    answerCount,
    lesson: context.isCertain ? estimate : undefined,
  }
}
