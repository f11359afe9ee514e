import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BYTES_PER_TOKEN, countTokens, splitTokens } from './tokens.ts'

test('four bytes are one token, and a rest is one more', () => {
  expect(['', 'a', 'four', 'fives', 'eight by'].map(countTokens)).toEqual([0, 1, 1, 2, 2])
})

test('any text is the sum of its tokens, none of which is longer than four bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const tokens = splitTokens(text)
      expect(tokens.join('')).toBe(text)
      expect(tokens.every((token) => token !== '' && Buffer.byteLength(token) <= BYTES_PER_TOKEN)).toBe(true)
    }),
  )
})

test('ASCII has as many tokens when split as when counted', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
      expect(splitTokens(text)).toHaveLength(countTokens(text))
    }),
  )
})
