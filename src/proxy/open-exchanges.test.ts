import { expect, it } from 'vitest'
import { openExchange } from './open-exchange.ts'
import { createOpenExchanges } from './open-exchanges.ts'

it('holds exactly the exchanges that have not ended, in whatever order they end', async () => {
  const open = createOpenExchanges()
  const ends = Array.from({ length: 6 }, (_, index) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    open.add(openExchange(`attempt-${index}`), promise)
    return resolve
  })
  const idsAfter = async (...indexes: readonly number[]) => {
    for (const index of indexes) ends[index]?.()
    await Promise.resolve()
    return open
      .entries()
      .map(({ exchange }) => exchange.id)
      .sort()
  }
  expect(await idsAfter(0)).toEqual(['attempt-1', 'attempt-2', 'attempt-3', 'attempt-4', 'attempt-5'])
  expect(await idsAfter(5, 2)).toEqual(['attempt-1', 'attempt-3', 'attempt-4'])
  expect(await idsAfter(1, 3, 4)).toEqual([])
  expect(open.size).toBe(0)
})
