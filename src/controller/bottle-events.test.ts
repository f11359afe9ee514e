import { describe, expect, it } from 'vitest'
import type { Counter } from '../core/budget/scope.ts'
import type { Settlement } from '../proxy/egress.ts'
import type { ControllerEvent } from './api.ts'
import { createBottleEvents } from './bottle-events.ts'
import { createEventBus } from './event-bus.ts'

const day: Counter = {
  scope: 'bottle:web',
  provider: 'claude',
  period: 'day:2026-11-22',
  limitTokens: 100,
  settledTokens: 60,
  reservedTokens: 0,
}
const all: Counter = { ...day, scope: 'host', period: 'total', limitTokens: 1_000, settledTokens: 999 }
const settlement = (counters: readonly Counter[]): Settlement => ({
  ...{ attemptId: 'a', provider: 'claude', model: 'm', chargeTokens: 10, source: 'authoritative', ending: 'complete' },
  ...{ usage: {}, startedAtMs: 1, outcome: { kind: 'settled', counters } },
})

function eventsOf(holding: readonly Counter[]) {
  const seen = {
    told: [] as ControllerEvent[],
    charged: [] as Counter[],
    asked: [] as Counter[],
    cuts: [] as string[],
  }
  const bus = createEventBus()
  bus.subscribe((event) => seen.told.push(event))
  const events = createBottleEvents({
    bottleId: 'rev-1',
    bus,
    budgets: {
      reachedThreshold: async (counter) => {
        seen.asked.push(counter)
        return 50
      },
    },
    watch: { charged: (counter) => seen.charged.push(counter) },
    nowMs: () => 7,
    holding: () => holding,
    cut: (message) => seen.cuts.push(message),
    onBug: (error) => {
      throw error
    },
  })
  return { events, ...seen }
}

describe('a charge', () => {
  it('is told with the budget that governs, and every counter is watched, also those that hold for others only', async () => {
    const { events, told, charged, asked } = eventsOf([day])
    events.settled(settlement([all, day]))
    await Promise.resolve()
    expect(charged).toEqual([all, day])
    expect(asked).toEqual([day])
    expect(told).toEqual([
      expect.objectContaining({ kind: 'exchange_settled', chargeTokens: 10, governing: day, counters: [all, day] }),
      { kind: 'warning', bottleId: 'rev-1', thresholdPercent: 50, counter: day, atMs: 7 },
    ])
  })

  it('warns of every budget that holds, and of none that is spent: its cut says so', async () => {
    const { events, asked } = eventsOf([day, all])
    events.settled(settlement([{ ...all, settledTokens: 1_000 }, day]))
    expect(asked).toEqual([day])
  })
})

describe('an exchange for which there is no room', () => {
  it('cuts its bottle', () => {
    const { events, cuts } = eventsOf([all, day])
    events.spent({ counter: day, message: 'spent' })
    expect(cuts).toEqual(['spent'])
  })

  it('cuts nothing but itself when its period is over: the bottle has a new budget (L13)', () => {
    const { events, cuts } = eventsOf([{ ...day, period: 'day:2026-11-23' }])
    events.spent({ counter: day, message: 'spent' })
    expect(cuts).toEqual([])
  })
})
