/**
 * A metered exchange: estimate, reserve, send, meter, settle.
 * **Invariant** (I5) Once reserved it is settled, whatever happens: the charge is never lost and never free.
 */
import { wireFormats } from '../core/metering/formats/formats.ts'
import { meteringFault } from '../core/metering/metering-fault.ts'
import { createUsageChunkFilter } from '../core/metering/usage-chunk-filter.ts'
import { pendingAnswer, spentAnswer, spentEvent } from '../core/provider/refusal.ts'
import { providerHostRules } from '../core/routing/choose-route.ts'
import { give, giveEnd, refuse } from './answer.ts'
import { countTokens } from './count-tokens.ts'
import { editedRequest } from './edited-request.ts'
import { foresee } from './foresee.ts'
import type { ForwardEnd } from './forward.ts'
import { goneSignal } from './gone-signal.ts'
import { withoutCredentialParameters } from './heads.ts'
import type { Lease } from './lease.ts'
import { pendingRetrySeconds } from './limits.ts'
import { createMeterTap, type MeterTap } from './meter-tap.ts'
import { isCoded, isEventStream } from './passage.ts'
import type { ReadyRequest } from './ready-request.ts'
import { type ReserveOptions, reserveExchange } from './reserve-exchange.ts'
import { sendUpstream } from './send-upstream.ts'
import { settleExchange } from './settle-exchange.ts'

export async function runMetered(ready: ReadyRequest): Promise<void> {
  const { content, verdict, exchange, line, egress } = ready
  const target = `${line.path}${withoutCredentialParameters(line.query)}`
  const reading = verdict.endpoint ? wireFormats[verdict.format].readRequest(content, target) : undefined
  const fault = verdict.endpoint ? meteringFault(reading, providerHostRules(egress.routes, line.host)) : undefined
  if (fault) return refuse(ready, { status: 400, code: 'not_metered', reason: fault })

  const { lesson, model, ...usage } = foresee(ready, { reading, body: content })
  const foreseen = { ...usage, ...(await countTokens(ready, usage)) }
  const lease = await reserve(ready, { model, ...foreseen })
  if (!lease) return
  const tap = createMeterTap({ ready, lease, foreseen, asksForStream: reading?.stream ?? false })
  const sent = reading?.edit ? editedRequest(ready, reading.edit) : ready
  const end = await send(sent, tap).catch(async (error: unknown) => {
    await settleExchange({ ready, lease, tap, model, lesson, end: { kind: 'unsent' } })
    throw error
  })
  giveEnd(ready, end)
  await settleExchange({ ready, lease, tap, model, lesson, end })

  async function send(request: ReadyRequest, meterTap: MeterTap): Promise<ForwardEnd> {
    if (exchange.signal.aborted) return { kind: 'cut', wasSent: false }
    return sendUpstream(request, {
      tap: (head) => meterTap.open(head),
      filter: (head) => (reading?.edit && isEventStream(head) && !isCoded(head) ? createUsageChunkFilter() : undefined),
      terminalEvent: () => spentEvent(verdict.format, exchange.cutMessage ?? '', exchange.id),
      // A cut cannot put its event into a coded stream.
      answerCoding: reading?.stream ? 'none' : 'readable',
    })
  }
}

/** The durable reservation; `undefined` after the client was told why there is none. */
async function reserve(ready: ReadyRequest, asked: Omit<ReserveOptions, 'goneSignal'>): Promise<Lease | undefined> {
  const { egress, exchange, verdict, response } = ready
  const reservation = await reserveExchange(ready, { ...asked, goneSignal: () => goneSignal(response) })
  switch (reservation.kind) {
    case 'reserved':
      return reservation.lease
    case 'pending':
      give(response, pendingAnswer(verdict.format, reservation.message, pendingRetrySeconds))
      return undefined
    case 'cut':
      give(response, spentAnswer(verdict.format, reservation.message, exchange.id))
      return undefined
    case 'spent':
      give(response, spentAnswer(verdict.format, reservation.message, exchange.id))
      egress.on.spent(reservation)
      return undefined
  }
}
