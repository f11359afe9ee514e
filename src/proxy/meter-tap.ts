/** Meters an answer as it passes, and asks for room as it grows. */
import { pendingMessage, spentMessage } from '../core/budget/wording.ts'
import { createByteMeter } from '../core/metering/byte-meter.ts'
import type { MeterReading, ResponseMeter, WireFormatName } from '../core/metering/format.ts'
import { wireFormats } from '../core/metering/formats/formats.ts'
import { inputTokensOf } from '../core/metering/usage.ts'
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
  finalReading(): MeterReading | undefined
  /** Input and output so far. Tokens. */
  readonly observedTokens: number
  /** Estimated. Tokens. */
  readonly inputTokens: number
}

export function createMeterTap({
  ready: { egress, exchange, verdict },
  lease,
  inputTokens,
}: {
  readonly ready: Metering
  readonly lease: Lease
  readonly inputTokens: number
}): MeterTap {
  let status: number | undefined
  let meter: ResponseMeter | undefined
  let observedTokens = inputTokens
  let toldAtMs = 0

  const tellProgress = () => {
    const nowMs = egress.nowMs()
    if (nowMs - toldAtMs < progressIntervalMs) return
    toldAtMs = nowMs
    egress.on.progress({ attemptId: exchange.id, provider: verdict.provider.name, observedTokens })
  }

  /** No room for more, or nobody to ask: this exchange is cut, and the first cause is what the client reads. */
  const endAsked = (): Extension => {
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

  return {
    open(head) {
      status = head.statusCode
      const isStream = isEventStream(head)
      let current = meterFor(head, verdict.format)
      meter = current
      return {
        feed(chunk) {
          try {
            current.feed(chunk)
          } catch (bug) {
            // Metering never breaks a stream (I4), and what it cannot read is not free: from here on bytes count.
            current = createByteMeter()
            meter = current
            egress.onBug(bug)
          }
          observedTokens = observed(current.reading(), inputTokens)
          tellProgress()
          // A document is billed as a whole before its first byte: holding or cutting it would save nothing.
          if (!isStream) return undefined
          return lease.observe(observedTokens)?.then((extension) => (extension === 'go' ? 'go' : endAsked()))
        },
      }
    },
    get status() {
      return status
    },
    finalReading() {
      meter?.end()
      return meter?.reading()
    },
    get observedTokens() {
      return observedTokens
    },
    inputTokens,
  }
}

function observed({ usage, observedOutputTokens }: MeterReading, estimatedInputTokens: number): number {
  const input = usage.inputTokens === undefined ? estimatedInputTokens : inputTokensOf(usage)
  return input + Math.max(usage.outputTokens ?? 0, observedOutputTokens)
}

/** We ask for `identity`; an answer that is coded all the same is counted by its bytes, on the safe side. */
function meterFor(head: AnswerHead, formatName: WireFormatName): ResponseMeter {
  if ((head.headers['content-encoding'] ?? 'identity') !== 'identity') return createByteMeter()
  return wireFormats[formatName].createMeter(isEventStream(head) ? 'sse' : 'json')
}
