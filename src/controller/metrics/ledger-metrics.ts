/** How long the calls to the ledger take that exchanges wait for. */
import { createHistogram, type Histogram } from '../../core/metrics/instruments.ts'
import type { Ledger } from '../../ledger/ledger.ts'

const secondsBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15]

export function createLedgerMetrics(): Histogram {
  return createHistogram({
    ...{ name: 'bot_bottle.ledger.duration', unit: 's', boundaries: secondsBoundaries },
    description: 'From a call to the ledger to its durable answer.',
  })
}

/** The same ledger, whose `reserve`, `extend` and `settle` are timed. */
export function timedLedger(ledger: Ledger, durations: Histogram): Ledger {
  const timed =
    <Arguments extends readonly unknown[], Answer>(name: string, call: (...args: Arguments) => Promise<Answer>) =>
    async (...args: Arguments): Promise<Answer> => {
      const startedMs = performance.now()
      try {
        return await call(...args)
      } finally {
        durations.record((performance.now() - startedMs) / 1_000, { 'bot_bottle.call': name })
      }
    }
  return {
    ...ledger,
    reserve: timed('reserve', ledger.reserve),
    extend: timed('extend', ledger.extend),
    settle: timed('settle', ledger.settle),
  }
}
