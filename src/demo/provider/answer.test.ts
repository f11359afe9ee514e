import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { composeAnswer, outputTokensOf } from './answer.ts'
import { codingJob } from './coding-job.ts'
import type { Conversation } from './conversation.ts'

const conversation: Conversation = {
  model: 'm',
  stream: true,
  maxOutputTokens: undefined,
  wantsReasoning: true,
  segments: [],
  question: 'say hi',
  offeredTools: new Set(),
  turn: 0,
}
const options = { script: [], outputTokens: undefined, reasoningTokens: 0 }

describe('an unscripted answer', () => {
  test('is the same for the same question and quotes it', () => {
    const [one, two] = [composeAnswer(conversation, options), composeAnswer(conversation, options)]
    expect(one).toEqual(two)
    expect(one.text.join('')).toContain('"say hi"')
  })

  test('has exactly the length that was asked for, within what the client allows', () => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.nat(100),
        fc.integer({ min: 1, max: 3000 }),
        fc.string(),
        (length, reasoning, max, question) => {
          const answer = composeAnswer(
            { ...conversation, question, maxOutputTokens: max },
            { ...options, outputTokens: length, reasoningTokens: reasoning },
          )
          expect(outputTokensOf(answer)).toBe(Math.min(length + reasoning, max))
          expect(answer.stop).toBe(length + reasoning > max ? 'limit' : 'end')
        },
      ),
    )
  })
})

describe('a scripted answer', () => {
  const tools = new Set(['read_file', 'write_file', 'run_tests'])

  test('follows the turn, and the last one calls no tool', () => {
    const answers = codingJob.map((_, turn) =>
      composeAnswer({ ...conversation, turn, offeredTools: tools }, { ...options, script: codingJob }),
    )
    expect(answers.map(({ stop }) => stop)).toEqual([...codingJob.slice(1).map(() => 'tool'), 'end'])
    expect(answers.map(({ text }) => text.join(''))).toEqual(codingJob.map(({ text }) => text))
  })

  test('is not given to a request that does not offer the tools of the script', () => {
    const answer = composeAnswer(conversation, { ...options, script: codingJob })
    expect(answer.toolCall).toBeUndefined()
    expect(answer.text.join('')).toContain('"say hi"')
  })

  test('drops a tool call that does not fit whole', () => {
    const answer = composeAnswer(
      { ...conversation, offeredTools: tools, maxOutputTokens: 20 },
      { ...options, script: codingJob },
    )
    expect(answer).toMatchObject({ stop: 'limit', toolCall: undefined })
    expect(outputTokensOf(answer)).toBe(20)
  })
})
