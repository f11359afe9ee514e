import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hourMs } from '../calendar.ts'
import { type ForecastQuestion, forecast, minExchanges, minObservedMs, recentSinceMs } from './forecast.ts'

const nowMs = Date.UTC(2026, 10, 22, 12, 30)

/** 300 tokens an hour over two hours and a half, and 600 left. */
function question({ recent, ...changes }: Partial<ForecastQuestion> = {}): ForecastQuestion {
  const steady = { usedTokens: 750, exchanges: 9, sinceMs: recentSinceMs(nowMs) }
  return { leftTokens: 600, resetsAtMs: null, nowMs, recent: recent ?? steady, ...changes }
}

describe('the forecast of a budget', () => {
  it('goes on at the mean of the last hours, this one included', () => {
    expect(forecast(question())).toEqual({ kind: 'runs_out', tokensPerHour: 300, atMs: nowMs + 2 * hourMs })
  })

  it('counts from when the first could have been used', () => {
    const recent = { usedTokens: 750, exchanges: 9, sinceMs: nowMs - hourMs / 2 }
    expect(forecast(question({ recent }))).toMatchObject({ tokensPerHour: 1_500, atMs: nowMs + 0.4 * hourMs })
  })

  it('ends at the reset', () => {
    expect(forecast(question({ resetsAtMs: nowMs + 2 * hourMs }))).toEqual({ kind: 'lasts', tokensPerHour: 300 })
    expect(forecast(question({ resetsAtMs: nowMs + 2 * hourMs + 1 }))).toMatchObject({ kind: 'runs_out' })
  })

  it('names no day that is more than a year away', () => {
    expect(forecast(question({ leftTokens: 300 * 24 * 366 }))).toEqual({ kind: 'lasts', tokensPerHour: 300 })
    expect(forecast(question({ leftTokens: Number.MAX_SAFE_INTEGER }))).toEqual({ kind: 'lasts', tokensPerHour: 300 })
  })

  it.each([
    ['nothing is left', { leftTokens: 0 }, 'spent'],
    ['nothing was used lately', { recent: { usedTokens: 0, exchanges: 4, sinceMs: nowMs } }, 'idle'],
    [
      'it is used for a short time only',
      { recent: { usedTokens: 9e6, exchanges: 99, sinceMs: nowMs - minObservedMs + 1 } },
      'unknown',
    ],
    [
      'a few calls say little',
      { recent: { usedTokens: 9e6, exchanges: minExchanges - 1, sinceMs: nowMs - 2 * hourMs } },
      'unknown',
    ],
    ['the clock went back', { recent: { usedTokens: 5, exchanges: 9, sinceMs: nowMs + hourMs } }, 'unknown'],
  ])('where %s it says only that', (_, changes, kind) => {
    expect(forecast(question(changes))).toEqual({ kind })
  })
})

describe('any forecast', () => {
  const tokens = fc.maxSafeNat()
  const questions = fc.record({
    leftTokens: tokens,
    resetsAtMs: fc.option(fc.integer({ min: nowMs + 1, max: nowMs + 40 * 24 * hourMs })),
    recent: fc.record({
      usedTokens: tokens,
      exchanges: fc.nat({ max: 1_000 }),
      sinceMs: fc.integer({ min: nowMs - 3 * hourMs, max: nowMs }),
    }),
    nowMs: fc.constant(nowMs),
  })
  const endOf = (asked: ForecastQuestion) => {
    const told = forecast(asked)
    return told.kind === 'runs_out' ? told.atMs : told.kind === 'lasts' ? Number.POSITIVE_INFINITY : undefined
  }

  it('is a moment that can be shown, after now and before the reset', () => {
    fc.assert(
      fc.property(questions, (asked) => {
        const told = forecast(asked)
        if (told.kind !== 'runs_out') return
        expect(told.atMs).toBeGreaterThan(nowMs)
        expect(told.atMs).toBeLessThan(asked.resetsAtMs ?? Number.POSITIVE_INFINITY)
        expect(new Date(told.atMs).toISOString()).toMatch(/^202[67]-/)
      }),
    )
  })

  it('is not earlier with more left, nor later with more used', () => {
    fc.assert(
      fc.property(questions, tokens, (asked, more) => {
        const end = endOf(asked)
        if (end === undefined) return
        const { recent, leftTokens } = asked
        expect(endOf({ ...asked, leftTokens: leftTokens + more })).toBeGreaterThanOrEqual(end)
        expect(endOf({ ...asked, recent: { ...recent, usedTokens: recent.usedTokens + more } })).toBeLessThanOrEqual(
          end,
        )
      }),
    )
  })

  it('is right when it goes on so: at that moment, and not a minute before, all is used', () => {
    fc.assert(
      fc.property(questions, (asked) => {
        const told = forecast(asked)
        if (told.kind !== 'runs_out') return
        const { usedTokens, sinceMs } = asked.recent
        const usedBy = (atMs: number) => (usedTokens / (nowMs - sinceMs)) * (atMs - nowMs)
        expect(usedBy(told.atMs)).toBeGreaterThanOrEqual(asked.leftTokens * (1 - 1e-9))
        expect(usedBy(told.atMs - 60_000)).toBeLessThan(asked.leftTokens)
      }),
    )
  })
})
