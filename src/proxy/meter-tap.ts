/** Meters an answer as it passes, and asks for room as it grows. */
import { pendingMessage, spentMessage } from '../core/budget/wording.ts'
import { createByteMeter } from '../core/metering/byte-meter.ts'
import type { MeterReading, ResponseMeter } from '../core/metering/format.ts'
import { wireFormats } from '../core/metering/formats/formats.ts'
import { usageSoFar } from '../core/metering/settlement.ts'
import { chargeOf } from '../core/metering/usage.ts'
import { type CodedTap, createCodedTap } from './coded-tap.ts'
import { readCodings } from './content-codings.ts'
import type { Extension, Lease } from './lease.ts'
import { isEventStream, type ResponseTap } from './passage.ts'
import type { Metering } from './ready-request.ts'
import type { AnswerHead } from './upstream-call.ts'

const progressIntervalMs = 100
const ledgerFailedMessage = 'bot-bottle: the ledger cannot be written, so nothing passes'

export interface MeterTap {
  open(head: AnswerHead): ResponseTap
  /** HTTP status of the answer, once there is one. */
  readonly status: number | undefined
  /** What the meter read, with the body taken as ended. */
  finalReading(): Promise<MeterReading | undefined>
  /** What would be charged if it ended here. Tokens. */
  readonly observedTokens: number
  /** Estimated. Tokens. */
  readonly inputTokens: number
}

export function createMeterTap({
  ready: { egress, exchange, verdict },
  lease,
  inputTokens,
  asksForStream,
}: {
  readonly ready: Metering
  readonly lease: Lease
  readonly inputTokens: number
  /** A stream may come as one JSON array too. */
  readonly asksForStream: boolean
}): MeterTap {
  let status: number | undefined
  let meter: ResponseMeter | undefined
  let coded: CodedTap | undefined
  /** No more room is asked for: the exchange has ended or is being cut, and what comes is only counted. */
  let isOver = false
  const chargeSoFar = () => chargeOf(usageSoFar(meter?.reading(), inputTokens), egress.weights)
  let observedTokens = chargeSoFar()
  let toldAtMs = 0

  const tellProgress = () => {
    const nowMs = egress.nowMs()
    if (nowMs - toldAtMs < progressIntervalMs) return
    toldAtMs = nowMs
    egress.on.progress({ attemptId: exchange.id, provider: verdict.provider.name, observedTokens })
  }

  /** No room for more, or nobody to ask: this exchange is cut, and the first cause is what the client reads. */
  const endAsked = (): Extension => {
    isOver = true
    const { denial } = lease
    // Room that others only hold may come back: this stream ends for want of it, the bottle goes on (L03).
    if (denial?.reason === 'pending') exchange.cut(pendingMessage(denial.counter))
    else if (denial) {
      const message = spentMessage(denial.counter, { inFlightTokens: observedTokens })
      exchange.cut(message)
      egress.on.spent({ counter: denial.counter, message })
    } else exchange.cut(ledgerFailedMessage)
    return 'end'
  }

  /** What the meter cannot read is not free: from here on each byte counts. */
  const countBytes = (why: string, bytes: number) => {
    meter = createByteMeter({ why, bytes, ...(meter && { before: meter.reading() }) })
  }

  const tapOn = (isStream: boolean): ResponseTap => ({
    feed(chunk) {
      try {
        meter?.feed(chunk)
      } catch (bug) {
        // Metering never breaks a stream (I4).
        countBytes('the meter failed on the body', chunk.length)
        egress.onBug(bug)
      }
      observedTokens = chargeSoFar()
      tellProgress()
      // A document is billed as a whole before its first byte: holding or cutting it would save nothing.
      if (!isStream || isOver) return undefined
      return lease.observe(observedTokens)?.then((extension) => (extension === 'go' ? 'go' : endAsked()))
    },
  })

  return {
    open(head) {
      status = head.statusCode
      const isEvents = isEventStream(head)
      const codings = readCodings([head.headers['content-encoding'] ?? ''])
      meter = meterFor(verdict, { isEvents, isReadable: codings !== undefined })
      const tap = tapOn(isEvents || asksForStream)
      if (!codings || codings.length === 0) return tap
      coded = createCodedTap({
        codings,
        decoded: tap,
        onUndecodable: (bytes) => countBytes('the body could not be decoded', bytes),
      })
      return coded
    },
    get status() {
      return status
    },
    async finalReading() {
      isOver = true
      await coded?.end()
      meter?.end()
      return meter?.reading()
    },
    get observedTokens() {
      return observedTokens
    },
    inputTokens,
  }
}

function meterFor(
  { isListed, format }: Metering['verdict'],
  { isEvents, isReadable }: { readonly isEvents: boolean; readonly isReadable: boolean },
): ResponseMeter {
  if (!isListed) return createByteMeter({ why: 'no table says what this endpoint speaks' })
  if (!isReadable) return createByteMeter({ why: 'the body came in a coding that is not known' })
  return wireFormats[format].createMeter(isEvents ? 'sse' : 'json')
}
