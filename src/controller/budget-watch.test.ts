import { describe, expect, it } from 'vitest'
import type { Counter, CounterKey } from '../core/budget/scope.ts'
import { createBudgetWatch } from './budget-watch.ts'
import type { LiveBottle } from './live-bottle.ts'

const midnight = Date.UTC(2026, 10, 23)
const host = { scope: 'host', provider: 'claude', period: 'total' }
const daily = (date: string) => ({ ...host, period: `day:${date}` })
const counterOf = (key: CounterKey, settledTokens: number, limitTokens: number | null = 100): Counter => ({
  ...key,
  limitTokens,
  settledTokens,
  reservedTokens: 0,
})

/** A bottle for whom these budgets hold; of the days, that of the moment. */
function bottleWith(id: string, keys: readonly CounterKey[], isCut = false): LiveBottle {
  const bottle: Partial<LiveBottle> = {
    id,
    isCut,
    providers: [{ name: 'claude' }] as unknown as LiveBottle['providers'],
    budgetsOf: (_provider, nowMs) => ({
      chain: [],
      governing: keys.map((key) =>
        key.period.startsWith('day:') ? { ...key, period: `day:${new Date(nowMs).toISOString().slice(0, 10)}` } : key,
      ),
    }),
  }
  return bottle as LiveBottle
}

function watching(bottles: readonly LiveBottle[], { nowMs = midnight, counters = [] as readonly Counter[] } = {}) {
  const cuts: string[] = []
  const watch = createBudgetWatch({
    ledger: {
      counter: async (key) =>
        counters.find(({ scope, period }) => scope === key.scope && period === key.period) ?? counterOf(key, 0, null),
    },
    living: new Map(bottles.map((bottle) => [bottle.id, bottle])),
    nowMs: () => nowMs,
    cut: ({ id }, message) => cuts.push(`${id}: ${message}`),
  })
  return { watch, cuts }
}

describe('a counter that was charged', () => {
  it('cuts all that its budget holds for, in the same tick, and no others (E04)', () => {
    const other = { ...host, scope: 'run:c' }
    const { watch, cuts } = watching([
      bottleWith('a', [host]),
      bottleWith('b', [{ ...host, scope: 'run:b' }, host]),
      bottleWith('c', [other]),
      bottleWith('d', [host], true),
      bottleWith('e', [{ ...host, provider: 'codex' }]),
    ])
    watch.charged(counterOf(host, 100))
    expect(cuts.map((cut) => cut.slice(0, 1))).toEqual(['a', 'b'])
    expect(cuts[0]).toContain('budget spent (this host): 100 of 100 claude tokens used')
  })

  it.each([
    ['has room', counterOf(host, 99)],
    ['has no limit', counterOf(host, 500, null)],
  ])('cuts nobody while it %s', (_what, counter) => {
    const { watch, cuts } = watching([bottleWith('a', [host])])
    watch.charged(counter)
    expect(cuts).toEqual([])
  })

  it('of a period that is over cuts nobody: a new one has begun (L13)', () => {
    const { watch, cuts } = watching([bottleWith('a', [daily('')])])
    watch.charged(counterOf(daily('2026-11-22'), 500))
    expect(cuts).toEqual([])
    watch.charged(counterOf(daily('2026-11-23'), 500))
    expect(cuts).toHaveLength(1)
  })
})

describe('a limit that was changed', () => {
  it('cuts at once where it is not above what is spent, each bottle once (L10)', async () => {
    const run = { ...host, scope: 'run:b' }
    const counters = [counterOf(host, 100), counterOf(run, 300)]
    const bottles = [bottleWith('a', [host]), bottleWith('b', [run, host]), bottleWith('c', [])]
    const { watch, cuts } = watching(bottles, { counters })
    await watch.limitsChanged()
    expect(cuts.map((cut) => cut.replace(/:.*\((.*)\).*/, ' $1'))).toEqual(['a this host', 'b run b'])
  })

  it('cuts nobody who has room, and nobody twice', async () => {
    const { watch, cuts } = watching([bottleWith('a', [host]), bottleWith('b', [host], true)], {
      counters: [counterOf(host, 99)],
    })
    await watch.limitsChanged()
    expect(cuts).toEqual([])
  })
})
