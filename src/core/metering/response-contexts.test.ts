import { expect, it } from 'vitest'
import { createResponseContexts } from './response-contexts.ts'

it('a request that goes on from a response brings its transcript along, another one nothing', () => {
  const contexts = createResponseContexts()
  contexts.remember('resp_1', { inputTokens: 500, cacheReadTokens: 300, outputTokens: 100 })
  contexts.remember('resp_2', { inputTokens: 12_000, outputTokens: 7 })
  expect(contexts.before('resp_1')).toEqual({ tokens: 900, isCertain: true })
  expect(contexts.before(undefined)).toEqual({ tokens: 0, isCertain: true })
})

it('a transcript that nobody knows is taken for the longest that is known, and one with reasoning may be shorter', () => {
  const contexts = createResponseContexts()
  expect(contexts.before('resp_x')).toEqual({ tokens: 0, isCertain: false })
  contexts.remember('resp_1', { inputTokens: 500, outputTokens: 400, reasoningTokens: 350 })
  contexts.remember('resp_2', { inputTokens: 700, outputTokens: 0 })
  expect(contexts.before('resp_x')).toEqual({ tokens: 900, isCertain: false })
  expect(contexts.before('resp_1')).toEqual({ tokens: 900, isCertain: false })
})

it('the oldest are forgotten', () => {
  const contexts = createResponseContexts()
  for (let index = 0; index < 1_000; index += 1) contexts.remember(`resp_${index}`, { inputTokens: index })
  expect(contexts.before('resp_999')).toMatchObject({ tokens: 999, isCertain: true })
  expect(contexts.before('resp_940')).toMatchObject({ tokens: 940, isCertain: true })
  expect(contexts.before('resp_930')).toMatchObject({ tokens: 999, isCertain: false })
})
