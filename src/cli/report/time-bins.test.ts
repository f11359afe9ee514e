import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dayMs, hourMs } from '../../core/calendar.ts'
import { maxMonths, timeBins } from './time-bins.ts'

const at = (text: string) => Date.parse(`${text}Z`)

test.each([
  ['2026-11-22T08:40', '2026-11-22T10:00:01', 'hour', ['2026-11-22T08:00Z', '2026-11-22T09:00Z', '2026-11-22T10:00Z']],
  ['2026-11-19T00:00', '2026-11-22T00:00:01', 'day', ['2026-11-19', '2026-11-20', '2026-11-21', '2026-11-22']],
  ['2026-08-01T00:00', '2026-11-22T00:00', 'week', ['2026-07-27', '2026-08-03', '2026-08-10']],
  ['2023-12-31T23:00', '2026-11-22T00:00', 'month', ['2023-12', '2024-01', '2024-02']],
])('from %s to %s there is one for each %s', (start, end, step, names) => {
  const bins = timeBins(at(start), at(end))
  expect([bins.step, bins.names.slice(0, names.length)]).toEqual([step, names])
})

test('every moment of the time falls into the last step that began before it', () => {
  const spans = fc.tuple(
    fc.integer({ min: 0, max: at('2100-01-01T00:00') }),
    fc.integer({ min: 1, max: maxMonths * 27 * dayMs }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  fc.assert(
    fc.property(spans, ([startMs, spanMs, share]) => {
      const { names, indexOf } = timeBins(startMs, startMs + spanMs)
      const atMs = startMs + Math.floor(share * (spanMs - 1))
      const index = indexOf(atMs)
      expect(Date.parse(names[index] ?? '')).toBeLessThanOrEqual(atMs)
      expect(Date.parse(names[index + 1] ?? '9999-01-01')).toBeGreaterThan(atMs)
      expect(names).toEqual([...new Set(names)].toSorted())
    }),
  )
})

test('a time that is too long is refused, with what would work', () => {
  expect(() => timeBins(0, at('2026-11-22T00:00'))).toThrow(
    expect.objectContaining({ code: 'usage', hint: 'Choose a later --since.' }),
  )
  expect(timeBins(at('2026-11-22T00:00'), at('2026-11-22T00:00') + hourMs).names).toHaveLength(1)
})
