import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Flow, flowed, flowMinutes, lastHour, tokensPerMinute } from './flow.ts'

const minuteMs = 60_000
const dry: Flow = { scope: 'host', provider: 'claude', minute: 0, tokens: [] }
const sum = (tokens: readonly number[]) => tokens.reduce((total, one) => total + one, 0)

it('keeps one number a minute, with nothing in the minutes between', () => {
  const flow = flowed(flowed(dry, 10, 5 * minuteMs), 20, 8 * minuteMs + 1)
  expect(flow).toMatchObject({ minute: 8, tokens: [10, 0, 0, 20] })
  expect(lastHour(flow, 9 * minuteMs).slice(-6)).toEqual([0, 10, 0, 0, 20, 0])
})

it('is an hour long, whatever happened', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1_000), fc.nat(300 * minuteMs))), fc.nat(300 * minuteMs), (uses, nowMs) => {
      const flow = uses.reduce((before, [tokens, atMs]) => flowed(before, tokens, atMs), dry)
      const minutes = lastHour(flow, nowMs)
      expect(minutes).toHaveLength(flowMinutes)
      expect(sum(minutes)).toBeLessThanOrEqual(sum(uses.map(([tokens]) => tokens)))
      expect(minutes.every((tokens) => tokens >= 0)).toBe(true)
    }),
  )
})

it('loses nothing within the hour', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1_000), fc.nat(59 * minuteMs)), { minLength: 1 }), (uses) => {
      const inOrder = uses.toSorted(([, one], [, other]) => one - other)
      const flow = inOrder.reduce((before, [tokens, atMs]) => flowed(before, tokens, atMs), dry)
      expect(sum(lastHour(flow, 59 * minuteMs))).toBe(sum(uses.map(([tokens]) => tokens)))
    }),
  )
})

it('tells the rate of the minute that runs and the one before', () => {
  const flow = flowed(flowed(dry, 600, minuteMs), 300, 2 * minuteMs)
  expect(tokensPerMinute(flow, 2.5 * minuteMs)).toBe(600)
  expect(tokensPerMinute(flow, 4 * minuteMs)).toBe(0)
  expect(tokensPerMinute(undefined, 0)).toBe(0)
})
