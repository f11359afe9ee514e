import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admit } from '../core/budget/admit.ts'
import type { Counter } from '../core/budget/scope.ts'
import type { ExtendOutcome, Ledger, ReserveOutcome, SettleRequest } from '../ledger/ledger.ts'
import { type LeaseOptions, openLease } from './lease.ts'
import { leaseChunkTokens, proxyLimits } from './limits.ts'
import { createRoomBell } from './room-bell.ts'

const chunkTokens = leaseChunkTokens
const key = { scope: 'run:a-1', provider: 'claude', period: 'total' }
const request: LeaseOptions['request'] = {
  attemptId: 'own',
  bottleId: 'a-1',
  agent: 'a',
  provider: 'claude',
  model: null,
  inputTokens: 100,
  holdTokens: 100 + leaseChunkTokens,
  holdsRoom: true,
  governing: [key],
  chain: ['run:a-1'],
  nowMs: 0,
}

/** One counter with the real predicate; what others hold and have spent is set by the test. */
function createBooks(limitTokens: number) {
  const holds = new Map<string, number>()
  const settled: SettleRequest[] = []
  const books = {
    settledTokens: 0,
    otherHoldTokens: 0,
    extends: 0,
    settled,
    get counter(): Counter {
      const own = [...holds.values()].reduce((total, hold) => total + hold, 0)
      const { settledTokens, otherHoldTokens } = books
      return { ...key, limitTokens, settledTokens, reservedTokens: own + otherHoldTokens }
    },
    hold(attemptId: string, holdTokens: number): ReserveOutcome {
      const decision = admit(holdTokens, books.counter, holds.get(attemptId) ?? 0)
      if (decision.kind !== 'admit') return { kind: 'denied', reason: decision.kind, counter: books.counter }
      holds.set(attemptId, holdTokens)
      return { kind: 'reserved' }
    },
    holdOf: (attemptId: string) => holds.get(attemptId),
  }
  const ledger = {
    reserve: async ({ attemptId, holdTokens }: { attemptId: string; holdTokens: number }) =>
      books.hold(attemptId, holdTokens),
    extend: async (attemptId: string, holdTokens: number): Promise<ExtendOutcome> => {
      books.extends += 1
      const outcome = books.hold(attemptId, holdTokens)
      return outcome.kind === 'reserved' ? { kind: 'extended' } : outcome
    },
    settle: async (charge: SettleRequest) => {
      settled.push(charge)
      return { kind: 'settled', counters: [] } as const
    },
  }
  return { books, ledger: ledger as Partial<Ledger> as Ledger }
}

async function opened(ledger: Ledger, signal: AbortSignal = new AbortController().signal) {
  const bell = createRoomBell()
  const opening = await openLease({ ledger, bell, request, chunkTokens, waitSignal: () => signal })
  if (opening.kind !== 'opened') throw new Error(`expected a lease, got ${opening.reason}`)
  return { lease: opening.lease, bell }
}

describe('a lease', () => {
  it('holds the input and a chunk, and asks ahead of need without holding the stream', async () => {
    const { books, ledger } = createBooks(10_000)
    const { lease } = await opened(ledger)
    expect(books.holdOf('own')).toBe(100 + leaseChunkTokens)
    expect(lease.observe(100)).toBeUndefined()
    expect(books.extends).toBe(0)
    expect(lease.observe(100 + leaseChunkTokens - 1)).toBeUndefined()
    await vi.waitFor(() => expect(books.holdOf('own')).toBe(100 + 2 * leaseChunkTokens - 1))
    expect(books.extends).toBe(1)
  })

  it('holds the stream only where its hold is used up, and catches up with a leap in a few questions', async () => {
    const { books, ledger } = createBooks(100_000)
    const { lease } = await opened(ledger)
    expect(await lease.observe(50_000)).toBe('go')
    expect(books.holdOf('own')).toBe(50_000 + leaseChunkTokens)
    expect(books.extends).toBeLessThanOrEqual(2)
  })

  it('uses a budget to its last token, then ends as exhausted', async () => {
    const { books, ledger } = createBooks(100 + leaseChunkTokens + 10)
    const { lease } = await opened(ledger)
    expect(await lease.observe(100 + leaseChunkTokens)).toBe('go')
    expect(books.holdOf('own')).toBe(100 + leaseChunkTokens + 10)
    expect(await lease.observe(100 + leaseChunkTokens + 10)).toBe('end')
    expect(lease.denial).toMatchObject({ reason: 'exhausted', counter: { limitTokens: 100 + leaseChunkTokens + 10 } })
    expect(books.extends).toBeLessThan(8)
  })

  it('waits for nothing where the room is spent', async () => {
    const { ledger } = createBooks(100 + leaseChunkTokens)
    let waits = 0
    const waitSignal = () => {
      waits += 1
      return new AbortController().signal
    }
    const opening = await openLease({ ledger, bell: createRoomBell(), request, chunkTokens, waitSignal })
    if (opening.kind !== 'opened') throw new Error('expected a lease')
    expect(await opening.lease.observe(100 + leaseChunkTokens)).toBe('end')
    expect(opening.lease.denial?.reason).toBe('exhausted')
    expect(waits).toBe(0)
  })

  it('lets the stream use the whole of its hold where there is no room for a chunk ahead', async () => {
    const { books, ledger } = createBooks(100 + leaseChunkTokens)
    const { lease } = await opened(ledger)
    expect(lease.observe(100 + leaseChunkTokens - 50)).toBeUndefined()
    await vi.waitFor(() => expect(books.extends).toBe(1))
    await new Promise((resolve) => setImmediate(resolve))
    expect(lease.observe(100 + leaseChunkTokens - 1)).toBeUndefined()
    expect(lease.denial).toBeUndefined()
    expect(await lease.observe(100 + leaseChunkTokens)).toBe('end')
  })

  it('waits for room that others hold, and goes on when it comes back (L03)', async () => {
    const { books, ledger } = createBooks(1_000)
    const { lease, bell } = await opened(ledger)
    books.otherHoldTokens = 1_000 - 100 - leaseChunkTokens
    const extension = lease.observe(100 + leaseChunkTokens)
    await vi.waitFor(() => expect(books.extends).toBeGreaterThan(1))
    books.otherHoldTokens = 0
    bell.ring()
    expect(await extension).toBe('go')
    expect(lease.denial).toBeUndefined()
  })

  it('is not called exhausted for a whole chunk that does not fit, while one token is only held by others (L02, L03)', async () => {
    const { books, ledger } = createBooks(100 + leaseChunkTokens + 10)
    const { lease, bell } = await opened(ledger)
    books.otherHoldTokens = 10
    const extension = lease.observe(100 + leaseChunkTokens)
    await vi.waitFor(() => expect(books.extends).toBeGreaterThan(1))
    expect(lease.denial).toBeUndefined()
    books.otherHoldTokens = 0
    bell.ring()
    expect(await extension).toBe('go')
  })

  it('does not ask again and again while it waits', async () => {
    const { books, ledger } = createBooks(1_000)
    const controller = new AbortController()
    const { lease } = await opened(ledger, controller.signal)
    books.otherHoldTokens = 1_000 - 100 - leaseChunkTokens
    const extension = lease.observe(100 + leaseChunkTokens)
    await vi.waitFor(() => expect(books.extends).toBe(2))
    await new Promise((resolve) => setImmediate(resolve))
    expect(books.extends).toBe(2)
    controller.abort()
    expect(await extension).toBe('end')
    expect(lease.denial?.reason).toBe('pending')
    expect(books.extends).toBe(3)
  })

  it('ends when its reservation is gone, and when the ledger fails (I9)', async () => {
    const { ledger } = createBooks(1_000)
    const gone = await opened({ ...ledger, extend: async () => ({ kind: 'gone' }) })
    expect(await gone.lease.observe(5_000)).toBe('end')
    const failing = await opened({ ...ledger, extend: () => Promise.reject(new Error('disk full')) })
    expect(failing.lease.observe(100 + leaseChunkTokens - 1)).toBeUndefined()
    expect(await failing.lease.observe(5_000)).toBe('end')
    expect(failing.lease.denial).toBeUndefined()
  })
})

describe('an opening', () => {
  it('waits for room that others hold, however many rings bring none (L03)', async () => {
    const { books, ledger } = createBooks(1_000)
    books.otherHoldTokens = 900
    const bell = createRoomBell()
    const opening = openLease({ ledger, bell, request, chunkTokens, waitSignal: () => new AbortController().signal })
    for (const otherHoldTokens of [900, 800, 700, 600]) {
      books.otherHoldTokens = otherHoldTokens
      await new Promise((resolve) => setImmediate(resolve))
      bell.ring()
    }
    expect((await opening).kind).toBe('opened')
  })

  it('is denied at once when the budget is spent (L02)', async () => {
    const { books, ledger } = createBooks(1_000)
    books.settledTokens = 900
    const opening = await openLease({
      ledger,
      bell: createRoomBell(),
      request,
      chunkTokens,
      waitSignal: () => new AbortController().signal,
    })
    expect(opening).toMatchObject({ kind: 'denied', reason: 'exhausted', counter: { settledTokens: 900 } })
  })
})

describe('with a ledger that never answers', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('rejects, and gives a reservation back that comes too late (I9, I5)', async () => {
    const { books, ledger } = createBooks(1_000)
    const late = Promise.withResolvers<ReserveOutcome>()
    const opening = openLease({
      ledger: { ...ledger, reserve: () => late.promise },
      bell: createRoomBell(),
      request,
      chunkTokens,
      waitSignal: () => new AbortController().signal,
    })
    const rejected = expect(opening).rejects.toMatchObject({ code: 'ledger_unusable' })
    await vi.advanceTimersByTimeAsync(proxyLimits.ledgerAnswerMs)
    await rejected
    late.resolve({ kind: 'reserved' })
    await vi.waitFor(() =>
      expect(books.settled).toMatchObject([{ attemptId: 'own', chargeTokens: 0, source: 'unsent' }]),
    )
  })

  it('ends the stream that waits for more room (I9)', async () => {
    const { ledger } = createBooks(1_000)
    const { lease } = await opened({ ...ledger, extend: () => new Promise(() => {}) })
    const extension = lease.observe(5_000)
    await vi.advanceTimersByTimeAsync(proxyLimits.ledgerAnswerMs)
    expect(await extension).toBe('end')
  })
})
