import { describe, expect, test } from 'vitest'
import { maxTokenCount } from '../usage.ts'
import { openaiChat } from './openai-chat.ts'
import { checkWireFormat, inChunks, readChunks, readText } from './wire-format.contract.ts'

const model = 'gpt-fixture-1'
const complete = { model, phase: 'complete', isFinal: true, anomalies: [] } as const
const cachedAndReasoning = { inputTokens: 176, cacheReadTokens: 1024, outputTokens: 310, reasoningTokens: 256 }
const quotedUsage = '"usage":{"prompt_tokens":999999,"completion_tokens":999999}'

checkWireFormat(openaiChat, [
  {
    title: 'takes cached and reasoning tokens out of the totals of the last chunk, not on top of them (M08, M09, M10)',
    file: 'text.sse',
    expected: { ...complete, usage: cachedAndReasoning },
    visibleText: `The bottle is on the shelf — 第二行 “quoted”.\n${quotedUsage}`,
  },
  {
    title: 'takes nothing from tool arguments that look like usage (M08)',
    file: 'tool.sse',
    expected: { ...complete, usage: { inputTokens: 400, cacheReadTokens: 0, outputTokens: 26, reasoningTokens: 0 } },
    visibleText: '{"usage":{"prompt_tokens":999999}}',
  },
  {
    title: 'takes the last of the counts that come with every chunk, and reasoning that stands beside the output (M10)',
    file: 'usage-in-every-chunk.sse',
    expected: { ...complete, usage: { inputTokens: 172, cacheReadTokens: 128, outputTokens: 12, reasoningTokens: 7 } },
    visibleText: 'Look at the shelfIt is green.',
  },
  {
    title: 'is complete and knows nothing where a stream was not asked for its usage (M09)',
    file: 'no-usage.sse',
    expected: { ...complete, isFinal: false, usage: {} },
    visibleText: 'No counts at all.',
  },
  {
    title: 'keeps what was seen before an error in the stream (M07)',
    file: 'error-in-stream.sse',
    expected: { ...complete, phase: 'failed', isFinal: false, usage: {} },
    visibleText: 'Some words before the error',
  },
  {
    title: 'stays open when the stream ends without its end mark (M07)',
    file: 'cut-before-end.sse',
    expected: { ...complete, phase: 'open', isFinal: false, usage: {} },
    visibleText: 'Half an ans',
  },
  {
    title: 'reads a legacy completion (M21)',
    file: 'legacy-completion.sse',
    expected: { ...complete, usage: { inputTokens: 14, outputTokens: 16 } },
    visibleText: 'Once upon a bottle',
  },
  {
    title: 'reads a completion of several choices without streaming (M08, M10)',
    file: 'completion.json',
    expected: { ...complete, usage: cachedAndReasoning },
    visibleText: `Says ${quotedUsage} — 第二行{"usage":1}No.`,
  },
  {
    title: 'reads a legacy completion without streaming (M21)',
    file: 'legacy-completion.json',
    expected: { ...complete, usage: { inputTokens: 14, outputTokens: 3 } },
    visibleText: ' a bottle',
  },
  {
    title: 'an error body is failed and costs nothing that it does not report (M20)',
    file: 'error.json',
    expected: { model: undefined, phase: 'failed', isFinal: false, anomalies: [], usage: {} },
    visibleText: '',
  },
])

const chunk = (fields: object): string => `data: ${JSON.stringify({ model, ...fields })}\n\n`
const read = (...events: readonly string[]) => readText(openaiChat, 'sse', events.join(''))
const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 }
const counted = { inputTokens: 10, outputTokens: 20 }

describe('when counts are final', () => {
  const open = chunk({ choices: [{ index: 0, delta: { content: 'x' }, finish_reason: null }], usage })
  const finished = chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: null })

  test('counts of a chunk in the middle are not, the end mark makes them so', () => {
    expect(read(open)).toMatchObject({ usage: counted, isFinal: false, phase: 'open' })
    expect(read(open, finished)).toMatchObject({ usage: counted, isFinal: false, phase: 'open' })
    expect(read(open, finished, 'data: [DONE]\n\n')).toMatchObject({ isFinal: true, phase: 'complete' })
  })

  test('those of a chunk without choices are, also when the client hangs up right after it (M12)', () => {
    expect(read(open, finished, chunk({ choices: [], usage }))).toMatchObject({ usage: counted, isFinal: true })
    expect(read(open, finished, chunk({ usage }))).toMatchObject({ usage: counted, isFinal: true })
  })

  test('those that come with the reason of the end are', () => {
    expect(read(chunk({ choices: [{ index: 0, finish_reason: 'stop' }], usage }))).toMatchObject({ isFinal: true })
  })

  test('a chunk of content filters without choices and usage says nothing', () => {
    expect(read(chunk({ choices: [], prompt_filter_results: [] }), open)).toMatchObject({ isFinal: false })
  })
})

describe('counts that cannot be true (M14)', () => {
  test.each(['-5', '1.5', '1e30', '"12"'])('rejects %s and says so (M14)', (value) => {
    const reading = read(`data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":${value}}}\n\n`)
    expect(reading).toMatchObject({ usage: { inputTokens: 7 }, isFinal: false })
    expect(reading.anomalies).toEqual([expect.stringMatching(/^usage\.completion_tokens: /)])
  })

  test('a usage beyond the ceiling is let go and noted (M14)', () => {
    const { isFinal, anomalies } = read(chunk({ choices: [], usage: { padding: 'x'.repeat(100_000), ...usage } }))
    expect({ isFinal, anomalies }).toEqual({ isFinal: false, anomalies: ['usage: "unreadable"'] })
  })
})

test('a JSON body beyond every buffer has its usage found at the end (M17)', () => {
  const content = '"usage":{"completion_tokens":999999} \\ '.repeat(300_000)
  const bytes = Buffer.from(JSON.stringify({ choices: [{ message: { content } }], model, usage }))
  expect(bytes.length).toBeGreaterThan(10_000_000)
  expect(readChunks(openaiChat, 'json', inChunks(bytes, 65_537))).toMatchObject({ usage: counted, isFinal: true })
})

describe('requests', () => {
  const readRequest = (fields: object) =>
    openaiChat.readRequest(inChunks(Buffer.from(JSON.stringify(fields)), 5), '/v1/chat/completions')

  test('are read for what the proxy must know', () => {
    expect(
      readRequest({ model, messages: [{ content: '"stream":false' }], stream: true, max_tokens: 9 }),
    ).toMatchObject({
      model,
      maxOutputTokens: 9,
      answerCount: 1,
      stream: true,
      background: false,
    })
  })

  test('with both words for the ceiling of the output are taken by the larger', () => {
    expect(readRequest({ max_tokens: 9, max_completion_tokens: 12 })?.maxOutputTokens).toBe(12)
    expect(readRequest({ max_tokens: '9' })?.maxOutputTokens).toBeUndefined()
  })

  test('for several answers at once allow each of them its output', () => {
    expect(readRequest({ max_tokens: 9, n: 128 })).toMatchObject({ maxOutputTokens: 1_152, answerCount: 128 })
    expect(readRequest({ n: 2, best_of: 5 })).toMatchObject({ maxOutputTokens: undefined, answerCount: 5 })
    expect(readRequest({ max_tokens: 1e9, n: 1e9 })?.maxOutputTokens).toBe(1e9)
    for (const n of [0, -1, 1.5, null, '2']) expect(readRequest({ n })?.answerCount).toBe(1)
  })

  test.each([
    ['two texts', { prompt: ['a', 'b'] }, 2],
    ['two texts, each answered three times', { prompt: ['a', '12'], n: 3 }, 6],
    ['two lists of tokens', { prompt: [[1, 2, 3], [4]] }, 2],
    ['one list of tokens', { prompt: [1, 2, 3] }, 1],
    ['one text', { prompt: 'a' }, 1],
    ['none', { prompt: [], messages: [{ prompt: ['a', 'b'] }] }, 1],
    ['more than a count can be', { prompt: ['a', 'b'], n: maxTokenCount }, maxTokenCount],
  ])('of the legacy completions ask for an answer to each prompt: %s', (_, fields, answerCount) => {
    expect(readRequest(fields)?.answerCount).toBe(answerCount)
    expect(readRequest({ max_tokens: 2, ...fields })?.maxOutputTokens).toBe(Math.min(maxTokenCount, 2 * answerCount))
  })

  test.each([0, 1, 'true', 'false', '', {}, []])(
    'whose `stream` is neither true nor false are unreadable: %j',
    (stream) => {
      expect(readRequest({ stream })).toBeUndefined()
    },
  )
})
