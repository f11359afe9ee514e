/**
 * A metered exchange: estimate, reserve, send, meter, settle.
 * **Invariant** (I5) Once reserved it is settled, whatever happens: the charge is never lost and never free.
 */
import { pendingMessage, spentMessage } from '../core/budget/wording.ts'
import { estimateInputTokens } from '../core/metering/estimate.ts'
import type { RequestReading } from '../core/metering/format.ts'
import { wireFormats } from '../core/metering/formats/formats.ts'
import { pendingAnswer, spentAnswer, spentEvent } from '../core/provider/refusal.ts'
import { give, giveEnd, refuse } from './answer.ts'
import type { ClientResponse } from './client-messages.ts'
import type { ForwardEnd } from './forward.ts'
import { type Lease, openLease } from './lease.ts'
import { leaseChunkTokens } from './limits.ts'
import { createMeterTap, type MeterTap } from './meter-tap.ts'
import type { ReadyRequest } from './ready-request.ts'
import { sendUpstream } from './send-upstream.ts'
import { settleExchange } from './settle-exchange.ts'

const pendingRetrySeconds = 2

export async function runMetered(ready: ReadyRequest): Promise<void> {
  const { body, verdict, exchange, line } = ready
  const reading = wireFormats[verdict.format].readRequest(body, line.path)
  const fault = meteringFault(reading)
  if (fault) return refuse(ready, { status: 400, code: 'not_metered', reason: fault })

  const model = reading?.model ?? null
  const inputTokens = estimateInputTokens(body)
  const lease = await reserve(ready, { model, inputTokens })
  if (!lease) return
  const tap = createMeterTap({ ready, lease, inputTokens })
  const end = await send(ready, tap).catch(async (error: unknown) => {
    await settleExchange({ ready, lease, tap, model, end: { kind: 'unsent' } })
    throw error
  })
  giveEnd(ready, end)
  await settleExchange({ ready, lease, tap, model, end })

  async function send(request: ReadyRequest, meterTap: MeterTap): Promise<ForwardEnd> {
    if (exchange.signal.aborted) return { kind: 'cut', wasSent: false }
    return sendUpstream(request, {
      tap: (head) => meterTap.open(head),
      terminalEvent: () => spentEvent(verdict.format, exchange.cutMessage ?? '', exchange.id),
    })
  }
}

/** Why a request cannot be metered (I3). */
function meteringFault(reading: RequestReading | undefined): string | undefined {
  if (!reading) return 'this endpoint is metered, and the body is not the JSON object that it takes'
  return reading.background ? 'background responses are answered out of sight of the meter' : undefined
}

/** The durable reservation; `undefined` after the client was told why there is none. */
async function reserve(
  { egress, exchange, verdict, response }: ReadyRequest,
  { model, inputTokens }: { readonly model: string | null; readonly inputTokens: number },
): Promise<Lease | undefined> {
  const { provider, format } = verdict
  const opening = await openLease({
    ledger: egress.ledger,
    bell: egress.bell,
    waitSignal: () => AbortSignal.any([exchange.signal, goneSignal(response)]),
    request: {
      attemptId: exchange.id,
      bottleId: egress.bottleId,
      agent: egress.agent,
      provider: provider.name,
      model,
      inputTokens,
      ...egress.budgetsOf(provider),
      nowMs: egress.nowMs(),
    },
  })
  if (opening.kind === 'opened') {
    egress.on.started({ attemptId: exchange.id, provider: provider.name, model, inputTokens })
    return opening.lease
  }
  const { counter } = opening
  if (exchange.cutMessage !== undefined) {
    give(response, spentAnswer(format, exchange.cutMessage, exchange.id))
    return undefined
  }
  if (opening.reason === 'pending') {
    give(response, pendingAnswer(format, pendingMessage(counter), pendingRetrySeconds))
    return undefined
  }
  const message = spentMessage(counter, { neededTokens: inputTokens + leaseChunkTokens })
  give(response, spentAnswer(format, message, exchange.id))
  egress.on.spent({ counter, message })
  return undefined
}

function goneSignal(response: ClientResponse): AbortSignal {
  const gone = new AbortController()
  if (response.destroyed) gone.abort()
  else response.once('close', () => gone.abort())
  return gone.signal
}
