import { expect, test } from 'vitest'
import { estimateInputTokens, estimateOutputTokens } from './estimate.ts'

const chunk = (text: string): Uint8Array => Buffer.from(text)

test('input of ASCII is its bytes by 3.5, whatever the chunks', () => {
  expect(estimateInputTokens([chunk('a'.repeat(7000))])).toBe(2000)
  expect(estimateInputTokens(Array.from({ length: 7000 }, () => chunk('a')))).toBe(2000)
  expect(estimateInputTokens([])).toBe(0)
})

test('a byte beyond ASCII weighs more', () => {
  expect(estimateInputTokens([chunk('第'.repeat(1000))])).toBe(1200)
  expect(estimateOutputTokens({ asciiBytes: 32, otherBytes: 5 })).toBe(12)
})

test('a large body is sampled to the same estimate within 2 %', () => {
  const text = 'The bottle — 第二行 — is on the shelf.\n'.repeat(10_000)
  const whole = estimateInputTokens([chunk(text)])
  const exact = estimateInputTokens([chunk(text.slice(0, 370))]) * (text.length / 370)
  expect(Math.abs(whole / exact - 1)).toBeLessThan(0.02)
})
