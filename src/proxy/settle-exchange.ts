import { type ExchangeEnding, settle } from '../core/metering/settlement.ts'
import { inputTokensOf } from '../core/metering/usage.ts'
import type { Foreseen } from './foresee.ts'
import type { ForwardEnd } from './forward.ts'
import type { Lease } from './lease.ts'
import type { MeterTap } from './meter-tap.ts'
import type { Metering } from './ready-request.ts'

export interface EndedMetered extends Pick<Foreseen, 'model' | 'lesson'> {
  readonly ready: Metering
  readonly lease: Lease
  readonly tap: MeterTap
  readonly end: ForwardEnd | { readonly kind: 'unsent' }
}

/** Replaces the reservation by the charge, durably. */
export async function settleExchange({ ready, lease, tap, model, lesson, end }: EndedMetered): Promise<void> {
  const { egress, verdict, contexts } = ready
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
    // The one that answered, where the provider says it.
    model: reading?.model ?? model,
    ending,
  }
  if (reading?.responseId !== undefined && reading.isFinal) contexts.remember(reading.responseId, reading.usage)
  // What an error reports may not be what the request was.
  if (lesson && charge.source === 'authoritative' && tap.status === 200)
    egress.estimator.learn(lesson, inputTokensOf(charge.usage), egress.nowMs())
  const outcome = await lease.settle({ ...charge, nowMs: egress.nowMs() })
  egress.bell.ring()
  const { attemptId, openedAtMs } = lease
  const provider = verdict.provider.name
  egress.on.settled({ ...charge, attemptId, provider, startedAtMs: openedAtMs, outcome })
}

function endingOf(end: EndedMetered['end']): ExchangeEnding {
  if (end.kind === 'complete' || end.kind === 'unsent') return end.kind
  if (!end.wasSent) return 'unsent'
  return end.kind === 'upstream_failed' ? 'upstream_reset' : end.kind
}
