import { expect, test } from 'vitest'
import { createIdSource } from './ids.ts'

test('ids are unique within a millisecond and between sources, and sort by time', () => {
  let nowMs = 1_700_000_000_000
  const sources = [createIdSource(() => nowMs), createIdSource(() => nowMs)]
  const ids = Array.from({ length: 4_000 }, (_, index) => {
    if (index % 100 === 99) nowMs += 1
    return sources[index % 2]?.() ?? ''
  })
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every((id) => /^[0-9a-z]{22}$/.test(id))).toBe(true)
  const ofOneSource = ids.filter((_, index) => index % 2 === 0)
  expect(ofOneSource.toSorted()).toEqual(ofOneSource)
})
