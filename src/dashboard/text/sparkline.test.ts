import { expect, it } from 'vitest'
import { sparkline } from './sparkline.ts'

it('is as high as its line at the highest, and empty where nothing was', () => {
  expect(sparkline([0, 1, 4, 8, 16, 0], 6)).toBe(' ▁▂▄█ ')
  expect(sparkline([0, 0], 2)).toBe('  ')
})

it('sums up neighbours where it is narrower than its values', () => {
  expect(sparkline([1, 1, 4, 4], 2)).toBe('▂█')
  expect(sparkline(Array(60).fill(7), 16)).toMatch(/^[▆-█]{16}$/)
})
