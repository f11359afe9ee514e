import { describe, expect, it } from 'vitest'
import type { Counter } from './scope.ts'
import { budgetInWords, cutReason, operatorCutMessage, pendingMessage, spentMessage } from './wording.ts'

const counter: Counter = {
  scope: 'run:rev-1',
  provider: 'claude',
  period: 'total',
  limitTokens: 200_000,
  settledTokens: 199_000,
  reservedTokens: 512,
}

describe('the message of a spent budget', () => {
  it('names scope, provider, what is used, the limit and that it does not reset (E12)', () => {
    expect(spentMessage(counter, { inFlightTokens: 1_000 })).toBe(
      'bot-bottle: budget spent (run rev-1): 200,000 of 200,000 claude tokens used. It does not reset by itself.',
    )
  })

  it('says what a refused call needs where less than that is left (E12)', () => {
    expect(spentMessage(counter, { neededTokens: 4_321 })).toContain(
      '199,000 of 200,000 claude tokens used, and this call needs about 4,321.',
    )
  })

  it('tells nothing of what other requests hold (E12)', () => {
    expect(spentMessage(counter)).not.toContain('512')
    expect(spentMessage({ ...counter, reservedTokens: 77_777 })).toBe(spentMessage(counter))
  })

  it('says 0 of 0 where the budget denies all (L11)', () => {
    expect(spentMessage({ ...counter, limitTokens: 0, settledTokens: 0 })).toContain('0 of 0 claude tokens used')
  })
})

it('says of a pending request what is left and that it may ask again (L03)', () => {
  const message = pendingMessage(counter)
  expect(message).toContain('the last 1,000 claude tokens of the budget (run rev-1) are held')
  expect(message).toContain('Ask again')
  expect(pendingMessage({ ...counter, settledTokens: 300_000 })).toContain('the last 0 claude')
})

it.each([
  ['host', 'total', 'this host'],
  ['run:rev-1', 'total', 'run rev-1'],
  ['bottle:web', 'day:2026-11-22', 'bottle web, per day'],
  ['host', 'run:rev-1', 'this host, per run'],
])('calls the budget of %s in %s %j', (scope, period, words) => {
  expect(budgetInWords({ scope, period })).toBe(words)
})

it.each([
  ['day:2026-12-31', 'It resets at 2027-01-01 00:00 UTC.'],
  ['week:2026-W47', 'It resets at 2026-11-23 00:00 UTC.'],
  ['month:2026-11', 'It resets at 2026-12-01 00:00 UTC.'],
  ['run:rev-1', 'It does not reset; the next run has its own.'],
  ['total', 'It does not reset by itself.'],
])('says of a budget of %s: %s (E12)', (period, reset) => {
  expect(spentMessage({ ...counter, scope: 'host', period })).toContain(`claude tokens used. ${reset}`)
})

it('begins every message to a client with our name, which the audit leaves out (E12)', () => {
  for (const message of [spentMessage(counter), pendingMessage(counter), operatorCutMessage]) {
    expect(message).toMatch(/^bot-bottle: /)
    expect(cutReason(message)).not.toContain('bot-bottle')
  }
})
