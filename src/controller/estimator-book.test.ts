import { expect, it, vi } from 'vitest'
import type { EstimatorRow } from '../ledger/ledger.ts'
import { openEstimatorBook, saveIntervalMs } from './estimator-book.ts'

/** Keeps rows in memory. */
function memoryLedger(rows: readonly EstimatorRow[] = []) {
  const kept = new Map(rows.map((row) => [`${row.provider} ${row.model}`, row]))
  return {
    kept,
    saves: 0,
    async estimators() {
      return [...kept.values()]
    },
    async saveEstimators(saved: readonly EstimatorRow[]) {
      this.saves += 1
      for (const row of saved) kept.set(`${row.provider} ${row.model}`, row)
    },
  }
}

const request = {
  provider: 'claude',
  model: 'opus',
  body: [Buffer.from(JSON.stringify({ text: 'word '.repeat(2_000) }))],
}
const onBug = (error: unknown) => expect.fail(String(error))

it('knows after a restart what was learned before', async () => {
  const ledger = memoryLedger()
  const first = await openEstimatorBook({ ledger, onBug })
  const bottle = first.estimator.forBottle()
  const before = bottle.estimate(request).expectedTokens
  for (let call = 0; call < 10; call++) {
    const teacher = first.estimator.forBottle()
    teacher.learn(teacher.estimate(request), Math.round(before * 1.4), call)
  }
  await first[Symbol.asyncDispose]()
  expect([...ledger.kept.keys()]).toEqual(['claude opus', 'claude '])
  await using second = await openEstimatorBook({ ledger, onBug })
  const { expectedTokens } = second.estimator.forBottle().estimate(request)
  expect(Math.abs(expectedTokens / (before * 1.4) - 1)).toBeLessThan(0.03)
})

it('ignores rows that are damaged or absurd, and starts with the prior', async () => {
  const damaged = ['', 'no JSON', '{"weights":{"lower":1e9}}'].map((state, index) => ({
    provider: 'claude',
    model: index === 0 ? 'opus' : `m${index}`,
    state,
    updatedAtMs: 1,
  }))
  await using book = await openEstimatorBook({ ledger: memoryLedger(damaged), onBug })
  await using fresh = await openEstimatorBook({ ledger: memoryLedger(), onBug })
  expect(book.estimator.forBottle().estimate(request)).toEqual(fresh.estimator.forBottle().estimate(request))
})

it('writes what changed once in a while, not with each exchange, and tells a failure without failing', async () => {
  vi.useFakeTimers()
  const ledger = memoryLedger()
  const bugs: unknown[] = []
  const book = await openEstimatorBook({ ledger, onBug: (error) => bugs.push(error) })
  const bottle = book.estimator.forBottle()
  const learn = () => bottle.learn(bottle.estimate(request), 3_000, 1)
  for (let call = 0; call < 50; call++) learn()
  expect(ledger.saves).toBe(0)
  await vi.advanceTimersByTimeAsync(saveIntervalMs * 3)
  expect(ledger.saves).toBe(1)
  learn()
  ledger.saveEstimators = () => Promise.reject(new Error('the disk is full'))
  await vi.advanceTimersByTimeAsync(saveIntervalMs)
  expect(bugs).toEqual([new Error('the disk is full')])
  vi.useRealTimers()
  await book[Symbol.asyncDispose]()
})
