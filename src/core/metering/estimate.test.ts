import { expect, test } from 'vitest'
import { estimateOutputTokens } from './estimate.ts'

test('text is its bytes by 3.2, and a byte beyond ASCII weighs more', () => {
  expect(estimateOutputTokens({ asciiBytes: 0, otherBytes: 0, sealedBytes: 0 })).toBe(0)
  expect(estimateOutputTokens({ asciiBytes: 32, otherBytes: 0, sealedBytes: 0 })).toBe(10)
  expect(estimateOutputTokens({ asciiBytes: 32, otherBytes: 5, sealedBytes: 0 })).toBe(12)
})

test('encrypted reasoning counts, less than text does', () => {
  expect(estimateOutputTokens({ asciiBytes: 32, otherBytes: 0, sealedBytes: 800 })).toBe(110)
})
