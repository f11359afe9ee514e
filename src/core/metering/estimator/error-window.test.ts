import { expect, test } from 'vitest'
import { maxError, maxErrors, startWindow, withError } from './error-window.ts'

const after = (errors: readonly number[], doubt = 0.5) => errors.reduce(withError, startWindow(doubt))

test('the margin begins at the doubt and narrows as errors prove small', () => {
  expect(startWindow(0.5).margin).toBe(0.5)
  expect(after(Array(10).fill(0.01)).margin).toBe(0.5)
  expect(after(Array(100).fill(0.01)).margin).toBeCloseTo(0.02)
})

test('the margin covers errors of either side, but not the rarest of them', () => {
  const usual = Array.from({ length: 95 }, (_, index) => (index % 2 === 0 ? 0.04 : -0.05))
  expect(after([...usual, 2, 2, 2, 2]).margin).toBeCloseTo(0.1)
  expect(after([...usual.slice(9), ...Array(9).fill(0.3)]).margin).toBeCloseTo(0.6)
})

test('the window is bounded, in its length and in what it holds', () => {
  const { errors } = after([...Array(500).fill(0.1), Number.POSITIVE_INFINITY, -99])
  expect(errors).toHaveLength(maxErrors)
  expect(errors.slice(-2)).toEqual([maxError, -maxError])
})
