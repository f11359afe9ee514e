/**
 * What every ledger must do with what is past: charges that are corrected, events that are rolled up, and the proof that
 * neither moved a counter where it should not. Part of `ledger.contract.ts`, whose header says how a ledger comes to be tested.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { counterKey, host, hourMs, type LedgerUnderTest, reserveRequest, settleRequest } from './ledger.contract.ts'
import type { Ledger, UsageGrouping } from './ledger.ts'

const startMs = Date.UTC(2026, 0, 15, 10, 20)
const dayMs = 24 * hourMs
const groupings: readonly UsageGrouping[] = ['bottle', 'agent', 'provider', 'model', 'day', 'hour']

/** Everything that reports say; what is past may never change it. */
async function told(ledger: Ledger) {
  const reports = await Promise.all(
    [undefined, startMs, startMs + dayMs].flatMap((sinceMs) =>
      groupings.map((by) => ledger.usage({ by, ...(sinceMs !== undefined && { sinceMs }) })),
    ),
  )
  return { counters: await ledger.counters(), reports }
}

export function historyContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`the past in the ledger on ${name}`, () => {
    let underTest: LedgerUnderTest
    let ledger: Ledger

    beforeEach(async () => {
      underTest = await open()
      ledger = underTest.ledger
    })
    afterEach(() => underTest.dispose())

    const spend = async (attemptId: string, chargeTokens: number, atMs: number) => {
      await ledger.reserve(reserveRequest(attemptId, { holdTokens: 0, nowMs: atMs }))
      await ledger.settle(settleRequest(attemptId, { chargeTokens, nowMs: atMs }))
    }

    describe('the end of a recovered exchange that is told later', () => {
      const today = { ...host, period: 'day:2026-01-15' }
      const chain = ['run:x', 'host']
      /** Of another owner: `a` was charged at its hold of 150, in an hour in which nothing else ended. */
      const recovered = async () => {
        await ledger.setLimit(host, 1_000)
        await ledger.setLimit({ ...host, period: 'day' }, 1_000)
        await ledger.reserve(reserveRequest('a', { holdTokens: 150, governing: [host, today], chain }))
        const next = await underTest.reopen('next')
        await next.recover(startMs + 5 * hourMs)
        return next
      }

      it.each([
        ['less', 90],
        ['more', 2_000],
      ])(
        'corrects a charge of %s everywhere, once, as if it had been right at once (L05)',
        async (_what, chargeTokens) => {
          const next = await recovered()
          const late = settleRequest('a', { chargeTokens, nowMs: startMs + 30 * hourMs })
          const expected = [
            { ...counterKey('run:x'), limitTokens: null, settledTokens: chargeTokens, reservedTokens: 0 },
            { ...host, limitTokens: 1_000, settledTokens: chargeTokens, reservedTokens: 0 },
            { ...today, limitTokens: 1_000, settledTokens: chargeTokens, reservedTokens: 0 },
          ]
          expect(await ledger.settle(late)).toEqual({ kind: 'corrected', counters: expected })
          for (const again of [late, { ...late, chargeTokens: 7 }]) {
            expect(await ledger.settle(again)).toEqual({ kind: 'already_settled' })
          }
          expect(await next.recover(startMs + 40 * hourMs)).toEqual([])
          for (const counter of expected) expect(await next.counter(counter)).toEqual(counter)
          expect(await next.events({ limit: 9 })).toMatchObject([
            { attemptId: 'a', chargeTokens, inputTokens: 70, source: 'authoritative', ending: 'complete' },
          ])
          expect(await next.usage({ by: 'bottle' })).toMatchObject([
            { exchanges: 1, inputTokens: 70, outputTokens: 20, chargeTokens, estimatedTokens: 0 },
          ])
          expect(await next.usage({ by: 'bottle', sinceMs: startMs + 6 * hourMs })).toEqual([])
          expect(await next.verify()).toEqual([])
        },
      )

      it('is no correction when it says nothing new (L05)', async () => {
        const next = await recovered()
        const same = settleRequest('a', { usage: {}, chargeTokens: 150, source: 'estimated', ending: 'cut' })
        expect(await next.settle(same)).toEqual({ kind: 'already_settled' })
        expect(await next.events({ limit: 9 })).toMatchObject([{ ending: 'controller_gone', chargeTokens: 150 }])
      })
    })

    describe('rolling up', () => {
      it('changes no counter, no report and no verdict, and leaves what is newer', async () => {
        await ledger.setLimit({ ...host, period: 'day' }, 1_000)
        for (const [index, hour] of [0, 0, 1, 25, 26].entries()) {
          await spend(`a${index}`, 10 ** index, startMs + hour * hourMs)
        }
        const before = await told(ledger)
        const settledBeforeMs = startMs + dayMs
        expect(await ledger.rollUp({ settledBeforeMs, maxEvents: 2 })).toBe(2)
        expect(await ledger.rollUp({ settledBeforeMs, maxEvents: 2 })).toBe(1)
        expect(await ledger.rollUp({ settledBeforeMs, maxEvents: 2 })).toBe(0)
        expect((await ledger.events({ limit: 9 })).map(({ attemptId }) => attemptId)).toEqual(['a3', 'a4'])
        expect(await told(ledger)).toEqual(before)
        expect(await ledger.verify()).toEqual([])
        const yesterday = await ledger.counter({ ...host, period: 'day:2026-01-15' })
        expect(yesterday).toMatchObject({ settledTokens: 111 })
        const week = await ledger.counter({ ...host, period: 'week:2026-W03' })
        expect(week).toMatchObject({ settledTokens: 11_111 })
      })

      it('reaches what is old behind what a clock that was ahead left', async () => {
        for (const id of ['ahead 1', 'ahead 2', 'ahead 3']) await spend(id, 5, startMs + 500 * dayMs)
        for (const id of ['old 1', 'old 2', 'last']) await spend(id, 7, startMs)
        const before = await told(ledger)
        const batch = { settledBeforeMs: startMs + dayMs, maxEvents: 1 }
        expect([await ledger.rollUp(batch), await ledger.rollUp(batch), await ledger.rollUp(batch)]).toEqual([1, 1, 0])
        const left = (await ledger.events({ limit: 9 })).map(({ attemptId }) => attemptId)
        expect(left).toEqual(['ahead 1', 'ahead 2', 'ahead 3', 'last'])
        expect(await told(ledger)).toEqual(before)
        expect(await ledger.verify()).toEqual([])
      })

      it('forgets no attempt: what was charged is never charged again (L05)', async () => {
        for (const id of ['a', 'b']) await spend(id, 5, startMs)
        expect(await ledger.rollUp({ settledBeforeMs: startMs + dayMs, maxEvents: 9 })).toBeGreaterThan(0)
        await expect(ledger.reserve(reserveRequest('a'))).rejects.toThrow('settled before')
        expect(await ledger.settle(settleRequest('a'))).toEqual({ kind: 'already_settled' })
        expect(await ledger.counter(host)).toMatchObject({ settledTokens: 10, reservedTokens: 0 })
      })

      it('keeps counters, events and reports together, whatever was settled, recovered and corrected before (I6)', async () => {
        const step = fc.record({
          kind: fc.constantFrom('settle', 'settle', 'recover', 'correct', 'roll'),
          tokens: fc.nat({ max: 100 }),
          hour: fc.nat({ max: 60 }),
        })
        let runs = 0
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
            const scope = `run:${++runs}`
            const chargedTokens = new Map<string, number>()
            const recovered: string[] = []
            for (const [index, { kind, tokens, hour }] of steps.entries()) {
              const attemptId = `${runs}-${index}`
              const nowMs = startMs + hour * hourMs
              const request = { chain: [scope, 'host'], governing: [], holdTokens: tokens, nowMs }
              if (kind === 'settle') {
                await ledger.reserve(reserveRequest(attemptId, request))
                await ledger.settle(settleRequest(attemptId, { chargeTokens: tokens, nowMs }))
                chargedTokens.set(attemptId, tokens)
              } else if (kind === 'recover') {
                await using gone = await underTest.reopen(attemptId)
                await gone.reserve(reserveRequest(attemptId, request))
                await ledger.recover(nowMs)
                chargedTokens.set(attemptId, tokens)
                recovered.push(attemptId)
              } else if (kind === 'correct') {
                const late = recovered.shift()
                const { kind: outcome } = late
                  ? await ledger.settle(settleRequest(late, { chargeTokens: tokens, nowMs }))
                  : { kind: 'none' }
                if (late && outcome === 'corrected') chargedTokens.set(late, tokens)
              } else {
                const before = await told(ledger)
                await ledger.rollUp({ settledBeforeMs: nowMs, maxEvents: 5 })
                expect(await told(ledger)).toEqual(before)
              }
            }
            const expectedTokens = [...chargedTokens.values()].reduce((sum, tokens) => sum + tokens, 0)
            expect(await ledger.counter(counterKey(scope))).toMatchObject({ settledTokens: expectedTokens })
            expect(await ledger.verify()).toEqual([])
            expect(await ledger.verify('quick')).toEqual([])
          }),
          { numRuns: 15 },
        )
      })
    })
  })
}
