import { expect, test } from 'vitest'
import { ageInWords, listedTime, parseTime } from './time.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')

test.each([
  ['90m', '2026-11-22T10:30:00Z'],
  ['12h', '2026-11-22T00:00:00Z'],
  ['7d', '2026-11-15T12:00:00Z'],
  ['0s', '2026-11-22T12:00:00Z'],
  ['999999w', '1970-01-01T00:00:00Z'],
  ['2026-11-22T08:00Z', '2026-11-22T08:00:00Z'],
  ['2026-11-22T08:00+02:00', '2026-11-22T06:00:00Z'],
  ['2026-11-22T08:00:30.5Z', '2026-11-22T08:00:30.500Z'],
  ['2026-11-22', '2026-11-22T00:00:00Z'],
  ['2024-02-29', '2024-02-29T00:00:00Z'],
])('--since %s', (text, expected) => {
  expect(parseTime(text, nowMs)).toEqual({ kind: 'time', timeMs: Date.parse(expected) })
})

test("a time without a zone is one of the user's clock", () => {
  expect(parseTime('2026-11-21T08:00', nowMs)).toEqual({ kind: 'time', timeMs: new Date(2026, 10, 21, 8).getTime() })
})

test.each([
  ...['', '7', 'd', '-1d', '1.5h', '7 d', 'yesterday', '11/22/2026', '2026-11-22 08:00', '20261122', '1e3h'].map(
    (text) => [text, 'Write 90m, 12h, 7d'],
  ),
  ...['2026-13-01', '2026-02-30', '2025-02-29', '2026-11-00', '2026-11-22T25:00Z', '2026-02-30T10:00Z'].map((text) => [
    text,
    'There is no such day or time.',
  ]),
  ['2026-11-22T12:00:01Z', 'It lies in the future.'],
  ['2027-01-01', 'It lies in the future.'],
])('--since "%s" is refused: %s', (text, why) => {
  expect(parseTime(text, nowMs)).toEqual({ kind: 'invalid', why: expect.stringContaining(why) })
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

test('a time in a list is told by its age, or as ISO 8601', () => {
  const timeMs = Date.UTC(2026, 10, 22, 8, 15, 10, 123)
  const nowMs = timeMs + 3 * 3_600_000
  expect(listedTime(timeMs, { nowMs, isIso: false })).toBe('3h ago')
  expect(listedTime(timeMs, { nowMs, isIso: true })).toBe('2026-11-22T08:15:10Z')
})
