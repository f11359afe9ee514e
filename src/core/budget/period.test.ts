import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { startOfDayMs } from '../calendar.ts'
import { periodKey, periodOfKey, periods, spanOf } from './period.ts'

const run = 'run:claude-x1y2'
const at = (time: string) => ({ atMs: Date.parse(time), run })
const calendar = ['day', 'week', 'month'] as const
const moments = fc.integer({ min: Date.UTC(1970, 0), max: Date.UTC(2400, 0) - 1 })

describe('the key of a period', () => {
  it.each([
    ['2026-11-22T23:59:59.999Z', '2026-11-22', '2026-W47', '2026-11'],
    ['2026-11-23T00:00:00.000Z', '2026-11-23', '2026-W48', '2026-11'],
    ['2026-11-30T23:59:59.999Z', '2026-11-30', '2026-W49', '2026-11'],
    ['2026-12-01T00:00:00.000Z', '2026-12-01', '2026-W49', '2026-12'],
    ['2024-02-29T12:00:00.000Z', '2024-02-29', '2024-W09', '2024-02'],
    ['2024-03-01T00:00:00.000Z', '2024-03-01', '2024-W09', '2024-03'],
    ['2027-02-28T23:59:59.999Z', '2027-02-28', '2027-W08', '2027-02'],
    ['2100-03-01T00:00:00.000Z', '2100-03-01', '2100-W09', '2100-03'],
    // The year of an ISO week is not always that of its days.
    ['2026-12-31T23:59:59.999Z', '2026-12-31', '2026-W53', '2026-12'],
    ['2027-01-01T00:00:00.000Z', '2027-01-01', '2026-W53', '2027-01'],
    ['2027-01-04T00:00:00.000Z', '2027-01-04', '2027-W01', '2027-01'],
    ['2024-12-30T00:00:00.000Z', '2024-12-30', '2025-W01', '2024-12'],
    ['1970-01-01T00:00:00.000Z', '1970-01-01', '1970-W01', '1970-01'],
  ])('at %s is that of the day, the ISO week and the month in UTC (L13)', (time, day, week, month) => {
    expect(calendar.map((period) => periodKey(period, at(time)))).toEqual([
      `day:${day}`,
      `week:${week}`,
      `month:${month}`,
    ])
  })

  it('of a run is that of the run’s scope, and of all time is always the same', () => {
    expect(periodKey('run', at('2026-11-22T00:00Z'))).toBe(run)
    expect(periodKey('total', at('2026-11-22T00:00Z'))).toBe('total')
  })

  it.each(['', 'year:2026', 'Total', 'to'])('is never %j', (key) => {
    expect(() => periodOfKey(key)).toThrow('is no key of a period')
  })

  it('says which period it is of', () => {
    fc.assert(
      fc.property(fc.constantFrom(...periods), moments, (period, atMs) => {
        expect(periodOfKey(periodKey(period, { atMs, run }))).toBe(period)
      }),
    )
  })
})

describe('the span of a period', () => {
  it.each([
    ['day:2024-02-29', '2024-02-29', '2024-03-01'],
    ['week:2026-W47', '2026-11-16', '2026-11-23'],
    ['week:2026-W53', '2026-12-28', '2027-01-04'],
    ['week:2025-W01', '2024-12-30', '2025-01-06'],
    ['month:2024-02', '2024-02-01', '2024-03-01'],
    ['month:2026-12', '2026-12-01', '2027-01-01'],
  ])('of %s goes from %s to %s (L13)', (key, start, end) => {
    expect(spanOf(key)).toEqual({ startMs: Date.parse(start), endMs: Date.parse(end) })
  })

  it('is that of no calendar for all time and for a run', () => {
    expect(spanOf('total')).toBeUndefined()
    expect(spanOf(run)).toBeUndefined()
  })

  it('holds the moment, and has the same key from its first millisecond to its last, and not one beyond (L13)', () => {
    fc.assert(
      fc.property(fc.constantFrom(...calendar), moments, (period, atMs) => {
        const keyAt = (ms: number) => periodKey(period, { atMs: ms, run })
        const { startMs, endMs } = spanOf(keyAt(atMs)) ?? { startMs: Number.NaN, endMs: Number.NaN }
        expect(startMs <= atMs && atMs < endMs).toBe(true)
        expect([keyAt(startMs), keyAt(endMs - 1)]).toEqual([keyAt(atMs), keyAt(atMs)])
        expect(keyAt(startMs - 1)).not.toBe(keyAt(atMs))
        expect(keyAt(endMs)).not.toBe(keyAt(atMs))
      }),
    )
  })

  it('begins and ends with a day, so that days add up to every period', () => {
    fc.assert(
      fc.property(fc.constantFrom(...calendar), moments, (period, atMs) => {
        const { startMs = Number.NaN, endMs = Number.NaN } = spanOf(periodKey(period, { atMs, run })) ?? {}
        expect([startOfDayMs(startMs), startOfDayMs(endMs)]).toEqual([startMs, endMs])
        expect(periodKey(period, { atMs: startOfDayMs(atMs), run })).toBe(periodKey(period, { atMs, run }))
      }),
    )
  })
})
