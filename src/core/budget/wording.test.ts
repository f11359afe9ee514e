import { describe, expect, it } from 'vitest'
import type { Counter } from './scope.ts'
import { cutReason, operatorCutMessage, pendingMessage, scopeInWords, spentMessage } from './wording.ts'

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
  ['host', 'this host'],
  ['run:rev-1', 'run rev-1'],
  ['bottle:web', 'bottle web'],
])('calls the scope %j %j', (scope, words) => {
  expect(scopeInWords(scope)).toBe(words)
})

it('begins every message to a client with our name, which the audit leaves out (E12)', () => {
  for (const message of [spentMessage(counter), pendingMessage(counter), operatorCutMessage]) {
    expect(message).toMatch(/^bot-bottle: /)
    expect(cutReason(message)).not.toContain('bot-bottle')
  }
})
