import type { Counter } from '../core/budget/scope.ts'
import { pendingMessage, spentMessage } from '../core/budget/wording.ts'
import { type ForeseenUsage, holdFor } from './hold.ts'
import { type Lease, openLease } from './lease.ts'
import type { Metering } from './ready-request.ts'

/** `message`: what the client is told. */
export type Reservation =
  | { readonly kind: 'reserved'; readonly lease: Lease }
  /** The bottle was cut while room was waited for. */
  | { readonly kind: 'cut'; readonly message: string }
  /** Others hold the room: the client may come again. */
  | { readonly kind: 'pending'; readonly message: string }
  /** To be told to `egress.on.spent` once the client was: the policy may close its connection. */
  | { readonly kind: 'spent'; readonly message: string; readonly counter: Counter }

export interface ReserveOptions extends ForeseenUsage {
  readonly model: string | null
  /** Gives what ends the waiting for room, beside a cut; asked for only when there is a wait. */
  goneSignal(): AbortSignal
}

/** Makes the durable reservation of an exchange (I5), or says why there is none. */
export async function reserveExchange(
  { egress, exchange, verdict: { provider } }: Metering,
  { model, goneSignal, ...foreseen }: ReserveOptions,
): Promise<Reservation> {
  const { inputTokens } = foreseen
  const { chunkTokens, ...hold } = holdFor(foreseen, egress)
  const nowMs = egress.nowMs()
  const opening = await openLease({
    ledger: egress.ledger,
    bell: egress.bell,
    chunkTokens,
    waitSignal: () => AbortSignal.any([exchange.signal, goneSignal()]),
    request: {
      attemptId: exchange.id,
      bottleId: egress.bottleId,
      agent: egress.agent,
      provider: provider.name,
      model,
      inputTokens,
      ...hold,
      ...egress.budgetsOf(provider, nowMs),
      nowMs,
    },
  })
  if (opening.kind === 'opened') {
    const { lease } = opening
    egress.on.started({ attemptId: exchange.id, provider: provider.name, model, holdTokens: lease.heldTokens })
    return { kind: 'reserved', lease }
  }
  const { counter, reason } = opening
  if (exchange.cutMessage !== undefined) return { kind: 'cut', message: exchange.cutMessage }
  if (reason === 'pending') return { kind: 'pending', message: pendingMessage(counter) }
  return { kind: 'spent', message: spentMessage(counter, { neededTokens: hold.holdTokens }), counter }
}
