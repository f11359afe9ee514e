/**
 * What every ledger must do for budgets of periods and for what operators set: part of `ledger.contract.ts`, whose header says
 * how a ledger comes to be tested.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { periodKey, periods } from '../core/budget/period.ts'
import { type CounterKey, isSameCounter } from '../core/budget/scope.ts'
import { counterKey, host, hourMs, type LedgerUnderTest, reserveRequest, settleRequest } from './ledger.contract.ts'
import type { Ledger, ReserveRequest } from './ledger.ts'

export function budgetsContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`budgets in the ledger on ${name}`, () => {
    let underTest: LedgerUnderTest
    let ledger: Ledger

    beforeEach(async () => {
      underTest = await open()
      ledger = underTest.ledger
    })
    afterEach(() => underTest.dispose())

    const counterAt = (key: CounterKey) => ledger.counter(key)
    const spend = async (attemptId: string, chargeTokens: number, changes: Partial<ReserveRequest> = {}) => {
      await ledger.reserve(reserveRequest(attemptId, { holdTokens: 0, ...changes }))
      await ledger.settle(settleRequest(attemptId, { chargeTokens }))
    }

    it('keeps what an operator set for a provider at a scope, over restarts, until it is removed (L17)', async () => {
      const run = { ...counterKey('run:x'), limitTokens: 7, always: false }
      const daily = { ...host, period: 'day', limitTokens: 0, always: true } as const
      for (const override of [{ ...run, limitTokens: 5 }, daily, run]) await ledger.setOverride(override)
      const next = await underTest.reopen('next')
      expect(await next.overrides()).toEqual([daily, run])
      expect(await next.overrides({ scope: 'run:x' })).toEqual([run])
      expect(await next.removeOverride(host)).toBe(true)
      expect(await next.removeOverride(host)).toBe(false)
      expect(await next.overrides()).toEqual([run])
      expect(await next.limits()).toEqual([])
      await expect(next.setOverride({ ...run, limitTokens: -1 })).rejects.toThrow('limitTokens')
    })

    describe('a period', () => {
      const day = (date: string): CounterKey => ({ ...host, period: `day:${date}` })
      const daily = { scope: 'host', provider: 'claude', period: 'day' } as const
      const at = (time: string) => Date.parse(`2026-${time}Z`)
      /** A request for 100 tokens that the host's budget of that day governs. */
      const dailyRequest = (attemptId: string, time: string, changes: Partial<ReserveRequest> = {}) =>
        reserveRequest(attemptId, { governing: [day(`2026-${time.slice(0, 5)}`)], nowMs: at(time), ...changes })

      it('begins with a whole budget and needs nothing to be done for it (L13)', async () => {
        await ledger.setLimit(daily, 150)
        expect(await ledger.reserve(dailyRequest('a', '11-22T23:59:59.999'))).toEqual({ kind: 'reserved' })
        await ledger.settle(settleRequest('a', { chargeTokens: 140, nowMs: at('11-22T23:59:59.999') }))
        expect(await ledger.reserve(dailyRequest('b', '11-22T23:59:59.999'))).toMatchObject({
          reason: 'exhausted',
          counter: { ...day('2026-11-22'), limitTokens: 150, settledTokens: 140 },
        })
        expect(await ledger.reserve(dailyRequest('b', '11-23T00:00:00.000'))).toEqual({ kind: 'reserved' })
        expect(await ledger.verify()).toEqual([])
      })

      it('is charged by what was reserved in it, however late that is settled', async () => {
        await ledger.setLimit(daily, 1_000)
        await ledger.reserve(dailyRequest('a', '11-22T23:00'))
        await ledger.reserve(dailyRequest('b', '11-23T01:00'))
        const settled = await ledger.settle(settleRequest('a', { nowMs: at('11-23T02:00') }))
        expect(settled).toEqual({
          kind: 'settled',
          counters: [
            { ...host, limitTokens: null, settledTokens: 90, reservedTokens: 0 },
            { ...day('2026-11-22'), limitTokens: 1_000, settledTokens: 90, reservedTokens: 0 },
          ],
        })
        expect(await counterAt(day('2026-11-23'))).toMatchObject({ settledTokens: 0, reservedTokens: 100 })
        const next = await underTest.reopen('next')
        await next.recover(at('11-24T00:00'))
        expect(await next.counter(day('2026-11-23'))).toMatchObject({ settledTokens: 100, reservedTokens: 0 })
        expect(await next.counter(day('2026-11-24'))).toMatchObject({ settledTokens: 0 })
        expect(await next.verify()).toEqual([])
      })

      it('of runs has its limit in the counter of each run, whatever its name (L12)', async () => {
        const runs = ['run:a-0', 'run:zz_z-9']
        const ofRun = (run: string) => ({ ...host, period: run })
        for (const run of runs) {
          await ledger.reserve(reserveRequest(run, { governing: [ofRun(run)], chain: [run, 'host'] }))
        }
        for (const limitTokens of [100, 199, null]) {
          await ledger.setLimit({ ...host, period: 'run' }, limitTokens)
          for (const run of runs)
            expect(await counterAt(ofRun(run))).toMatchObject({ limitTokens, reservedTokens: 100 })
        }
      })

      it('that is spent stays spent when the clock steps back into it (L13)', async () => {
        await ledger.setLimit(daily, 100)
        for (const [id, time] of [
          ['a', '11-22T23:59'],
          ['b', '11-23T00:01'],
        ] as const) {
          await ledger.reserve(dailyRequest(id, time))
          await ledger.settle(settleRequest(id, { chargeTokens: 100, nowMs: at(time) }))
        }
        for (const time of ['11-22T23:58', '11-23T00:02']) {
          expect(await ledger.reserve(dailyRequest('c', time))).toMatchObject({ reason: 'exhausted' })
        }
        expect(await ledger.reserve(dailyRequest('c', '11-25T09:00'))).toEqual({ kind: 'reserved' })
      })

      it('is right at once when its budget comes to a scope with history and open exchanges (L12)', async () => {
        for (const [id, time, chargeTokens] of [
          ['a', '10-31T12:00', 1],
          ['b', '11-15T12:00', 10],
          ['c', '11-16T00:00', 100],
          ['d', '11-22T23:00', 1_000],
          ['e', '11-23T00:00', 10_000],
        ] as const) {
          await spend(id, chargeTokens, { chain: ['run:x', 'host'], nowMs: at(time) })
        }
        const open = { holdTokens: 5, governing: [], chain: ['run:x', 'host'] }
        await ledger.reserve(reserveRequest('f', { ...open, nowMs: at('11-22T23:30') }))
        const keys = ['day:2026-11-22', 'week:2026-W47', 'month:2026-11', 'month:2026-10', 'run:x', 'run:y']
        const settledOf = async () =>
          Promise.all(keys.map(async (period) => (await counterAt({ ...host, period })).settledTokens))
        expect(await settledOf()).toEqual([1_000, 1_100, 11_110, 1, 11_111, 0])
        for (const period of ['day', 'week', 'month', 'run'] as const) {
          await ledger.setLimit({ ...host, period }, 1_000_000)
        }
        const governing = keys.filter((key) => key !== 'month:2026-10' && key !== 'run:y')
        const request = {
          ...open,
          governing: governing.map((period) => ({ ...host, period })),
          nowMs: at('11-22T23:40'),
        }
        expect(await ledger.reserve(reserveRequest('g', request))).toEqual({ kind: 'reserved' })
        expect(await settledOf()).toEqual([1_000, 1_100, 11_110, 1, 11_111, 0])
        await ledger.settle(settleRequest('f', { chargeTokens: 3, nowMs: at('11-23T00:10') }))
        await ledger.settle(settleRequest('g', { chargeTokens: 4, nowMs: at('11-23T00:10') }))
        expect(await settledOf()).toEqual([1_007, 1_107, 11_117, 1, 11_118, 0])
        expect((await ledger.counters()).every(({ reservedTokens }) => reservedTokens === 0)).toBe(true)
        expect(await ledger.verify()).toEqual([])
      })

      it('of a run is that of each run by itself, also at a scope that many share', async () => {
        const perRun = { ...host, period: 'run' } as const
        await ledger.setLimit(perRun, 150)
        const runRequest = (attemptId: string, run: string) =>
          reserveRequest(attemptId, { governing: [{ ...host, period: run }], chain: [run, 'host'] })
        await ledger.reserve(runRequest('a', 'run:x'))
        await ledger.settle(settleRequest('a'))
        expect(await ledger.reserve(runRequest('b', 'run:x'))).toMatchObject({ counter: { period: 'run:x' } })
        expect(await ledger.reserve(runRequest('b', 'run:y'))).toEqual({ kind: 'reserved' })
        expect(await counterAt({ ...host, period: 'run:x' })).toMatchObject({ settledTokens: 90 })
        expect(await ledger.verify()).toEqual([])
      })

      it('has the limit of its kind: those of the past, too, and those to come', async () => {
        await ledger.setLimit(daily, 100)
        await ledger.reserve(dailyRequest('a', '11-22T12:00'))
        await ledger.setLimit(daily, 300)
        await ledger.setLimit(host, 7)
        for (const date of ['2026-11-22', '2026-11-23']) {
          expect(await counterAt(day(date))).toMatchObject({ limitTokens: 300 })
        }
        expect(await counterAt({ ...host, period: 'month:2026-11' })).toMatchObject({ limitTokens: null })
        expect(await ledger.limits()).toEqual([
          { ...daily, limitTokens: 300 },
          { ...host, limitTokens: 7 },
        ])
        await ledger.setLimit(daily, null)
        expect(await ledger.reserve(dailyRequest('b', '11-22T12:00', { holdTokens: 900 }))).toEqual({
          kind: 'reserved',
        })
        expect(await ledger.limits({ scope: 'run:x' })).toEqual([])
      })

      it('holds together with all time: all or none, and each says when it has no room', async () => {
        await ledger.setLimit(daily, 150)
        await ledger.setLimit(host, 250)
        const both = (attemptId: string, time: string) =>
          dailyRequest(attemptId, time, { governing: [day(`2026-${time.slice(0, 5)}`), host] })
        await ledger.reserve(both('a', '11-22T12:00'))
        await ledger.settle(settleRequest('a', { chargeTokens: 100 }))
        expect(await ledger.reserve(both('b', '11-22T12:00'))).toMatchObject({ counter: day('2026-11-22') })
        await ledger.reserve(both('c', '11-23T12:00'))
        await ledger.settle(settleRequest('c', { chargeTokens: 100 }))
        expect(await ledger.reserve(both('d', '11-24T12:00'))).toMatchObject({
          counter: { ...host, settledTokens: 200 },
        })
        expect(await counterAt(day('2026-11-24'))).toMatchObject({ reservedTokens: 0 })
      })

      it('of every period equal the sum of its events and open holds, whenever their budgets come (I6, L12)', async () => {
        const scopes = ['run', 'agent', 'host']
        const dayMs = 24 * hourMs
        const operation = fc.record({
          kind: fc.constantFrom('reserve', 'reserve', 'settle', 'limit'),
          attempt: fc.nat({ max: 5 }),
          tokens: fc.nat({ max: 50 }),
          scope: fc.constantFrom(...scopes),
          period: fc.constantFrom(...periods),
          /** Forth and back, over days, weeks, months and a year's end. */
          nowMs: fc.integer({ min: -20, max: 20 }).map((days) => Date.UTC(2027, 0, 1) + days * dayMs - 1),
          isGoverned: fc.boolean(),
        })
        let runs = 0
        await fc.assert(
          fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
            const prefix = ++runs
            const run = `run:${prefix}`
            const nameOf = (scope: string) => (scope === 'run' ? run : `bottle:${scope}-${prefix}`)
            const chain = scopes.map(nameOf)
            const charges: { readonly atMs: number; readonly tokens: number }[] = []
            const open = new Map<
              string,
              { readonly atMs: number; readonly tokens: number; readonly governing: readonly CounterKey[] }
            >()
            for (const [index, { kind, attempt, tokens, scope, period, nowMs, isGoverned }] of operations.entries()) {
              const key = { scope: nameOf(scope), provider: 'claude', period: periodKey(period, { atMs: nowMs, run }) }
              if (kind === 'reserve') {
                const id = `${prefix}-${index}`
                const governing = isGoverned ? [key] : []
                const request = reserveRequest(id, { holdTokens: tokens, governing, chain, nowMs })
                if ((await ledger.reserve(request)).kind === 'reserved')
                  open.set(id, { atMs: nowMs, tokens, governing })
              } else if (kind === 'limit') {
                await ledger.setLimit({ ...key, period }, attempt === 0 ? null : tokens * 4)
              } else {
                const [id, held] = [...open][attempt % Math.max(1, open.size)] ?? []
                if (id === undefined || held === undefined) continue
                await ledger.settle(settleRequest(id, { chargeTokens: tokens, nowMs }))
                charges.push({ atMs: held.atMs, tokens })
                open.delete(id)
              }
            }
            for (const { nowMs, scope, period } of operations) {
              const keyAt = (atMs: number) => periodKey(period, { atMs, run })
              const key = { scope: nameOf(scope), provider: 'claude', period: keyAt(nowMs) }
              const settled = charges.filter(({ atMs }) => keyAt(atMs) === key.period)
              const held = [...open.values()].filter(({ governing }) =>
                governing.some((one) => isSameCounter(one, key)),
              )
              expect(await ledger.counter(key)).toMatchObject({
                settledTokens: settled.reduce((sum, { tokens }) => sum + tokens, 0),
                reservedTokens: held.reduce((sum, { tokens }) => sum + tokens, 0),
              })
            }
            expect(await ledger.verify()).toEqual([])
          }),
          { numRuns: 60 },
        )
      })
    })
  })
}
