import { expect, it } from 'vitest'
import type { BottleRow, UsageRow } from '../ledger/ledger.ts'
import { openActivityBook } from './activity-book.ts'
import type { ControllerEvent } from './api.ts'
import { createEventBus } from './event-bus.ts'

const row = (model: string): UsageRow => ({
  ...{ group: 'web-1', provider: 'claude', model, exchanges: 2, inputTokens: 10, cacheWriteTokens: 20 },
  ...{ cacheWrite1hTokens: 0, cacheReadTokens: 30, outputTokens: 40, reasoningTokens: 0, chargeTokens: 100 },
  estimatedTokens: 0,
})
const ledger = {
  bottles: async () => [{ id: 'web-1' }] as unknown as readonly BottleRow[],
  usage: async () => [row('opus'), row('sonnet')],
}
const settled: ControllerEvent = {
  ...{ kind: 'exchange_settled', bottleId: 'web-1', attemptId: 'a', provider: 'claude', model: null, usage: {} },
  ...{ chargeTokens: 5, source: 'authoritative', ending: 'complete', startedAtMs: 1, governing: null, counters: [] },
  atMs: 1,
}

it('begins with what bottles used before, and counts on from there however much happens', async () => {
  const bus = createEventBus()
  using book = await openActivityBook({ bus, ledger, nowMs: () => 7 })
  for (let count = 0; count < 1_000; count += 1) bus.emit(settled)
  expect(book.snapshot()).toMatchObject({
    atMs: 7,
    bottles: [
      {
        ...{ bottleId: 'web-1', exchanges: 1_004, chargedTokens: 5_200, open: [] },
        tokens: { inputTokens: 20, cacheWriteTokens: 40, cacheReadTokens: 60, outputTokens: 80 },
      },
    ],
  })
})
