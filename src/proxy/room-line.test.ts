import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admit } from '../core/budget/admit.ts'
import type { Counter } from '../core/budget/scope.ts'
import type { Ledger, ReserveRequest } from '../ledger/ledger.ts'
import { openLease } from './lease.ts'
import { createRoomBell } from './room-bell.ts'
import { createRoomLine } from './room-line.ts'

const never = new AbortController().signal
const key = (scope: string) => ({ scope, provider: 'claude', period: 'total' })

/** One budget with the real predicate, and requests that hold room of it until they are settled for nothing. */
function createBudget(limitTokens: number) {
  const holds = new Map<string, number>()
  const bell = createRoomBell()
  const counter = (): Counter => {
    const reservedTokens = [...holds.values()].reduce((total, hold) => total + hold, 0)
    return { ...key('host'), limitTokens, settledTokens: 0, reservedTokens }
  }
  const reserve = async ({ attemptId, holdTokens }: ReserveRequest) => {
    const { kind } = admit(holdTokens, counter())
    if (kind !== 'admit') return { kind: 'denied', reason: kind, counter: counter() } as const
    holds.set(attemptId, holdTokens)
    return { kind: 'reserved' } as const
  }
  return {
    holds,
    open: (attemptId: string, holdTokens: number, signal = never) =>
      openLease({
        ledger: { reserve } as Partial<Ledger> as Ledger,
        bell,
        chunkTokens: 1,
        waitSignal: () => signal,
        request: {
          ...{ attemptId, holdTokens, holdsRoom: true, inputTokens: holdTokens, governing: [key('host')] },
          ...{ bottleId: 'a-1', agent: 'a', provider: 'claude', model: null, chain: ['host'], nowMs: 0 },
        },
      }),
    settle(attemptId: string) {
      holds.delete(attemptId)
      bell.ring()
    },
  }
}

describe('requests that wait for room', () => {
  it('begin in the order in which they came, whatever they hold: a large one does not starve (L03)', async () => {
    const limitTokens = 100
    const step = fc.oneof(
      fc.record({ kind: fc.constant('come'), holdTokens: fc.integer({ min: 1, max: limitTokens }) }),
      fc.record({ kind: fc.constant('settle'), which: fc.nat() }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { open, holds, settle } = createBudget(limitTokens)
        const came: string[] = []
        const begun: string[] = []
        const openings: Promise<unknown>[] = []
        const settleOne = (which: number) => {
          const one = [...holds.keys()][which % Math.max(1, holds.size)]
          if (one !== undefined) settle(one)
        }
        for (const one of steps) {
          if (one.kind === 'settle') settleOne(one.which)
          else {
            const attemptId = `a${came.length}`
            came.push(attemptId)
            openings.push(open(attemptId, one.holdTokens).then(() => begun.push(attemptId)))
          }
          await setImmediate()
        }
        while (begun.length < came.length) {
          settleOne(0)
          await setImmediate()
        }
        await Promise.all(openings)
        expect(begun).toEqual(came)
      }),
      { numRuns: 200 },
    )
  })

  it('are denied only what there is no room for: at the end of its wait each asks once, out of turn (L02)', async () => {
    const { open } = createBudget(100)
    const leaving = new AbortController()
    expect((await open('first', 60)).kind).toBe('opened')
    const large = open('large', 80, leaving.signal)
    await setImmediate()
    const patience = new AbortController()
    const [small, other] = [open('small', 30, patience.signal), open('other', 30, patience.signal)]
    await setImmediate()
    patience.abort()
    expect((await small).kind).toBe('opened')
    expect(await other).toMatchObject({ kind: 'denied', reason: 'pending' })
    leaving.abort()
    expect(await large).toMatchObject({ kind: 'denied', reason: 'pending' })
  })

  it('wait no longer for one that has given up', async () => {
    const { open } = createBudget(100)
    const leaving = new AbortController()
    await open('first', 60)
    const large = open('large', 80, leaving.signal)
    await setImmediate()
    const small = open('small', 30)
    leaving.abort()
    expect((await large).kind).toBe('denied')
    expect((await small).kind).toBe('opened')
  })
})

describe('the line', () => {
  it('holds nobody up who has other budgets, and who has one in common only there', async () => {
    const line = createRoomLine()
    const first = line.join([key('run:a'), key('host')])
    expect([line.isAwaited([key('run:b')]), line.isAwaited([key('run:b'), key('host')])]).toEqual([false, true])
    const second = line.join([key('run:b'), key('host')])
    const order: string[] = []
    const turns = [
      second.turn(never).then(() => order.push('second')),
      line
        .join([key('run:c')])
        .turn(never)
        .then(() => order.push('other')),
      first.turn(never).then(() => order.push('first')),
    ]
    await setImmediate()
    expect(order.toSorted()).toEqual(['first', 'other'])
    first.leave()
    await Promise.all(turns)
    second.leave()
    expect(line.isAwaited([key('run:a'), key('run:b'), key('host')])).toBe(false)
  })
})
