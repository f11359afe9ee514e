import type { InputEstimate } from '../core/metering/estimator/token-estimator.ts'
import { type ExchangeEnding, settle } from '../core/metering/settlement.ts'
import { inputTokensOf } from '../core/metering/usage.ts'
import type { ForwardEnd } from './forward.ts'
import type { Lease } from './lease.ts'
import type { MeterTap } from './meter-tap.ts'
import type { Metering } from './ready-request.ts'

export interface EndedMetered {
  readonly ready: Metering
  readonly lease: Lease
  readonly tap: MeterTap
  /** As requested; the one that answered is recorded where the provider says it. */
  readonly model: string | null
  /** Of the input, to be learned from; `undefined` where a part of it was not in the request. */
  readonly estimate: InputEstimate | undefined
  readonly end: ForwardEnd | { readonly kind: 'unsent' }
}

/** Replaces the reservation by the charge, durably. */
export async function settleExchange({ ready, lease, tap, model, estimate, end }: EndedMetered): Promise<void> {
  const { egress, verdict } = ready
  const reading = await tap.finalReading()
  const ending = endingOf(end)
  const charge = {
    ...settle({
      reading,
      estimatedInputTokens: tap.inputTokens,
      isStream: tap.isStream,
      unseenOutputTokens: tap.unseenOutputTokens(),
      ending,
      httpStatus: tap.status,
      weights: egress.weights,
    }),
    model: reading?.model ?? model,
    ending,
  }
  // What an error reports may not be what the request was.
  if (estimate && charge.source === 'authoritative' && tap.status === 200)
    egress.estimator.learn(estimate, inputTokensOf(charge.usage), egress.nowMs())
  const outcome = await lease.settle({ ...charge, nowMs: egress.nowMs() })
  egress.bell.ring()
  egress.on.settled({ ...charge, attemptId: lease.attemptId, provider: verdict.provider.name, outcome })
}

function endingOf(end: EndedMetered['end']): ExchangeEnding {
  if (end.kind === 'complete' || end.kind === 'unsent') return end.kind
  if (!end.wasSent) return 'unsent'
  return end.kind === 'upstream_failed' ? 'upstream_reset' : end.kind
}
