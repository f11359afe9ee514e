import { expect, test } from 'vitest'
import { ageInWords, parseSince } from './time.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')

test.each([
  ['90m', '2026-11-22T10:30:00Z'],
  ['12h', '2026-11-22T00:00:00Z'],
  ['7d', '2026-11-15T12:00:00Z'],
  ['2026-11-22T08:00Z', '2026-11-22T08:00:00Z'],
  ['2026-11-22', '2026-11-22T00:00:00Z'],
])('--since %s', (text, expected) => {
  expect(parseSince(text, nowMs)).toBe(Date.parse(expected))
})

test.each(['', '7', 'd', '-1d', '1.5h', 'yesterday', '2026-13-01', '11/22/2026'])('--since "%s" is refused', (text) => {
  expect(parseSince(text, nowMs)).toBeUndefined()
})

test.each([
  [-5, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [7_200_000, '2h'],
  [200_000_000, '2d'],
])('an age of %i ms is %s', (ageMs, expected) => {
  expect(ageInWords(ageMs)).toBe(expected)
})
