/**
 * One request of a WebSocket and its response: an exchange of the ledger, as any other.
 * **Invariant** (I5) Once reserved it is settled, whatever happens.
 */
import { BottleError } from '../../core/errors.ts'
import type { ClientMessage } from '../../core/metering/responses-socket/client-message.ts'
import type { ServerEvent } from '../../core/metering/responses-socket/server-event.ts'
import { pendingMessageEvent, plainMessageEvent, spentMessageEvent } from '../../core/provider/socket-refusal.ts'
import { failureSentence } from '../answer.ts'
import type { EgressEvents } from '../egress.ts'
import { type Foreseen, foresee } from '../foresee.ts'
import type { Extension, Lease } from '../lease.ts'
import { pendingRetrySeconds } from '../limits.ts'
import { createMeterTap } from '../meter-tap.ts'
import { openExchange } from '../open-exchange.ts'
import type { ResponseTap } from '../passage.ts'
import type { Metering } from '../ready-request.ts'
import { type Reservation, reserveExchange } from '../reserve-exchange.ts'
import { type EndedMetered, settleExchange } from '../settle-exchange.ts'
import type { BottleSockets } from './bottle-sockets.ts'

export interface TurnRequest extends Omit<Extract<ClientMessage, { kind: 'create' }>, 'kind'> {
  readonly bytes: Buffer
}

export interface TurnOptions extends Omit<Metering, 'exchange'> {
  readonly sockets: BottleSockets
  readonly request: TurnRequest
  readonly goneSignal: AbortSignal
  /** Its bottle is cut, or there is no room for more of the response. */
  onCut(message: string): void
}

export type TurnOpening =
  | { readonly kind: 'open'; readonly turn: Turn }
  | {
      readonly kind: 'denied'
      /** What the client is told. */
      readonly event: string
      /** To be told to `egress.on.spent` after that. */
      readonly spent?: Parameters<EgressEvents['spent']>[0]
    }

export interface Turn {
  /** Reads an event that was passed on. A promise holds the socket until it says `go`. */
  feed(event: ServerEvent, bytes: Buffer): Promise<Extension> | undefined
  /** Never rejects: a charge that cannot be written is for the operator, and held until the next start. */
  settle(end: EndedMetered['end']): Promise<void>
}

/** Never rejects. */
export async function openTurn(options: TurnOptions): Promise<TurnOpening> {
  const { egress, verdict, contexts, request, sockets, goneSignal, onCut } = options
  const exchange = openExchange(egress.newId())
  const ended = Promise.withResolvers<void>()
  sockets.exchanges.add(exchange, ended.promise)
  const metering = { egress, verdict, exchange, contexts }
  try {
    const foreseen = foresee(metering, { reading: request.reading, body: [request.bytes] })
    const lesson = request.isPrewarm ? undefined : foreseen.lesson
    const reservation = await reserveExchange(metering, { ...foreseen, goneSignal: () => goneSignal })
    if (reservation.kind === 'reserved') {
      const { lease } = reservation
      const turn = meteredTurn({ foreseen: { ...foreseen, lesson }, metering, lease, onCut, onEnd: ended.resolve })
      return { kind: 'open', turn }
    }
    ended.resolve()
    return denied(reservation, exchange.id)
  } catch (error) {
    ended.resolve()
    if (!(error instanceof BottleError)) egress.onBug(error)
    const failure =
      error instanceof BottleError ? error : new BottleError('internal', 'the proxy failed on this request')
    return { kind: 'denied', event: plainMessageEvent(502, failure.code, failureSentence(failure)) }
  }
}

function denied(reservation: Exclude<Reservation, { kind: 'reserved' }>, id: string): TurnOpening {
  const { kind, message } = reservation
  if (kind === 'pending') return { kind: 'denied', event: pendingMessageEvent(message, id, pendingRetrySeconds) }
  const event = spentMessageEvent(message, id)
  return kind === 'spent' ? { kind: 'denied', event, spent: reservation } : { kind: 'denied', event }
}

interface MeteredTurnOptions extends Pick<TurnOptions, 'onCut'> {
  readonly foreseen: Foreseen
  readonly metering: Metering
  readonly lease: Lease
  onEnd(): void
}

function meteredTurn(options: MeteredTurnOptions): Turn {
  const { foreseen, metering, lease, onCut, onEnd } = options
  const { model, lesson } = foreseen
  const { egress, exchange } = metering
  const tap = createMeterTap({ ready: metering, lease, foreseen, asksForStream: true })
  // Room that is refused to a response which has ended since ends nothing any more.
  const onAbort = () => onCut(exchange.cutMessage ?? '')
  exchange.signal.addEventListener('abort', onAbort, { once: true })
  let answer: ResponseTap | undefined
  return {
    feed(event, bytes) {
      if (!isOfResponse(event)) return undefined
      // An error in place of an answer is what a status is in HTTP.
      answer ??= tap.openMessages(event.type === 'error' ? (event.status ?? 200) : 200)
      return answer.feed(bytes)
    },
    async settle(end) {
      exchange.signal.removeEventListener('abort', onAbort)
      try {
        await settleExchange({ ready: metering, lease, tap, model, lesson, end })
      } catch (error) {
        egress.onBug(error)
      } finally {
        onEnd()
      }
    },
  }
}

/** Others, such as rate limits, are about the account. */
function isOfResponse({ type }: ServerEvent): boolean {
  return type === undefined || type === 'error' || type.startsWith('response.')
}
