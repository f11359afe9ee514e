import { expect, test } from 'vitest'
import { unseenOutputTokens } from './unseen-output.ts'

test.each([
  ['is what was held', { waitedMs: 0 }, 256],
  ['grows with the time that it had', { waitedMs: 60_000 }, 3_000],
  ['is never more than the client allowed', { waitedMs: 60_000, maxOutputTokens: 1_000 }, 1_000],
  ['is nothing where no output is asked for', { waitedMs: 60_000, maxOutputTokens: 0 }, 0],
  ['is that of all answers that were asked for', { waitedMs: 10_000, answerCount: 128 }, 64_000],
  ['does not shrink where the clock was set back', { waitedMs: -60_000 }, 256],
])('output that nobody saw %s', (_, options, tokens) => {
  expect(unseenOutputTokens({ heldTokens: 256, maxOutputTokens: undefined, answerCount: 1, ...options })).toBe(tokens)
})
