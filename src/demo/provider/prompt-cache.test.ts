import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PromptSegment } from './conversation.ts'
import { countInput, createPromptCache } from './prompt-cache.ts'

const textOf = (tokens: number, sign = 'x') => sign.repeat(tokens * 4)

test('a marked prefix is written at its own lifetime and read by the next request that begins with it', () => {
  const cache = createPromptCache()
  const system: PromptSegment = { text: textOf(2000), cacheFor: '1h' }
  const first = cache.readMarked('a', [system, { text: textOf(100, 'q'), cacheFor: '5m' }, { text: textOf(7) }])
  expect(first).toEqual({ uncachedTokens: 7, cacheReadTokens: 0, cacheWrite5mTokens: 100, cacheWrite1hTokens: 2000 })
  const second = cache.readMarked('a', [system, { text: textOf(50, 'r'), cacheFor: '5m' }])
  expect(second).toEqual({ uncachedTokens: 0, cacheReadTokens: 2000, cacheWrite5mTokens: 50, cacheWrite1hTokens: 0 })
})

test('nothing is cached without a mark, below the least length, or for another account', () => {
  const cache = createPromptCache()
  const unmarked = [{ text: textOf(2000) }]
  const short = [{ text: textOf(1023), cacheFor: '5m' as const }]
  const marked = [{ text: textOf(1024), cacheFor: '5m' as const }]
  for (const segments of [unmarked, unmarked, short, short]) {
    expect(cache.readMarked('a', segments).uncachedTokens).toBe(countInput(segments))
  }
  expect(cache.readMarked('a', marked).cacheWrite5mTokens).toBe(1024)
  expect(cache.readMarked('b', marked).cacheReadTokens).toBe(0)
})

test('an automatic cache reads whole steps of any earlier prefix', () => {
  const cache = createPromptCache()
  cache.readAutomatic('a', [{ text: textOf(1500) }, { text: 'one' }])
  const { cacheReadTokens, uncachedTokens } = cache.readAutomatic('a', [{ text: textOf(1500) }, { text: 'two' }])
  expect({ cacheReadTokens, uncachedTokens }).toEqual({ cacheReadTokens: 1408, uncachedTokens: 93 })
})

test('every token of the input is in exactly one class', () => {
  const segment = fc.record(
    {
      text: fc.constantFrom(textOf(700, 'a'), textOf(900, 'b'), textOf(5, 'c')),
      cacheFor: fc.constantFrom('5m', '1h'),
    },
    { requiredKeys: ['text'] },
  )
  fc.assert(
    fc.property(fc.array(fc.array(segment, { maxLength: 6 }), { maxLength: 5 }), (requests) => {
      const cache = createPromptCache()
      for (const segments of requests) {
        for (const read of [cache.readMarked('marked', segments), cache.readAutomatic('automatic', segments)]) {
          const classes = Object.values(read)
          expect(Math.min(...classes)).toBeGreaterThanOrEqual(0)
          expect(classes.reduce((total, tokens) => total + tokens, 0)).toBe(countInput(segments))
        }
      }
    }),
  )
})
