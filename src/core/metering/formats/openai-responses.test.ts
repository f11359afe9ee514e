import { describe, expect, test } from 'vitest'
import { openaiResponses } from './openai-responses.ts'
import { checkWireFormat, inChunks, readChunks, readText } from './wire-format.contract.ts'

const model = 'gpt-fixture-1'
const complete = { model, responseId: 'resp_fixture', phase: 'complete', isFinal: true, anomalies: [] } as const
const cachedAndReasoning = { inputTokens: 1104, cacheReadTokens: 4096, outputTokens: 310, reasoningTokens: 256 }

checkWireFormat(openaiResponses, [
  {
    title: 'takes cached and reasoning tokens out of the totals, not on top of them (M10)',
    file: 'text.sse',
    expected: { ...complete, usage: cachedAndReasoning },
    sealedBytes: 800,
    visibleText: '**Looking at the shelf**The bottle is on the shelf — 第二行 “quoted”.\n',
  },
  {
    title: 'takes nothing from function arguments, tools, instructions and metadata that look like usage (M08)',
    file: 'tool.sse',
    expected: { ...complete, usage: { inputTokens: 400, cacheReadTokens: 0, outputTokens: 26, reasoningTokens: 0 } },
    visibleText: '{"usage":{"input_tokens":999999}}',
  },
  {
    title: 'finds the usage of an incomplete response (M11)',
    file: 'incomplete.sse',
    expected: { ...complete, usage: { inputTokens: 90, cacheReadTokens: 0, outputTokens: 16, reasoningTokens: 0 } },
    visibleText: 'Not all of ',
  },
  {
    title: 'finds the usage of a failed response (M11)',
    file: 'failed.sse',
    expected: {
      ...complete,
      phase: 'failed',
      usage: { inputTokens: 90, cacheReadTokens: 0, outputTokens: 9, reasoningTokens: 0 },
    },
    visibleText: 'Not all of ',
  },
  {
    title: 'keeps what was seen before an error event (M07)',
    file: 'error.sse',
    expected: { ...complete, phase: 'failed', isFinal: false, usage: {} },
    visibleText: 'Some words before the error',
  },
  {
    title: 'stays open when the stream ends without a terminal event (M07)',
    file: 'cut-before-end.sse',
    expected: { ...complete, phase: 'open', isFinal: false, usage: {} },
    visibleText: 'Half an ans',
  },
  {
    title: 'reads a response without streaming (M08, M10)',
    file: 'response.json',
    expected: { ...complete, usage: cachedAndReasoning },
    visibleText: '**Looking**Says "usage":{"output_tokens":999999} — 第二行{"usage":{"input_tokens":999999}}',
  },
  {
    title: 'adds the tokens of generated images, which stand outside of the usage (M11)',
    file: 'image-generation.sse',
    expected: {
      ...complete,
      usage: { inputTokens: 140, cacheReadTokens: 0, outputTokens: 1072, reasoningTokens: 0 },
    },
    visibleText: 'Here it is.',
  },
  {
    title: 'takes nothing from what remote tools and shells were told and said (M08, M10)',
    file: 'hosted-tools.sse',
    expected: {
      ...complete,
      usage: {
        inputTokens: 22,
        cacheReadTokens: 300,
        cacheWrite5mTokens: 100,
        outputTokens: 48,
        reasoningTokens: 32,
      },
    },
    visibleText: '{"shelf":1}',
    sealedBytes: 800,
  },
  {
    title: 'reads a compaction, cache writes inside the input (M10, M11)',
    file: 'compaction.json',
    expected: {
      ...complete,
      model: undefined,
      usage: {
        inputTokens: 3392,
        cacheReadTokens: 4096,
        cacheWrite5mTokens: 512,
        outputTokens: 600,
        reasoningTokens: 500,
      },
    },
    sealedBytes: 160,
    visibleText: 'Before.',
  },
  {
    title: 'reads an incomplete response without streaming (M11)',
    file: 'incomplete.json',
    expected: { ...complete, usage: { inputTokens: 80, cacheReadTokens: 10, outputTokens: 16, reasoningTokens: 0 } },
    visibleText: '',
  },
  {
    title: 'an error body is failed and costs nothing that it does not report (M20)',
    file: 'error.json',
    expected: { model: undefined, phase: 'failed', isFinal: false, anomalies: [], usage: {} },
    visibleText: '',
  },
])

const completed = (usage: unknown, output: unknown[] = []): string =>
  `event: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', response: { output, model, usage } })}\n\n`
const delta = (text: string): string =>
  `data: ${JSON.stringify({ type: 'response.output_text.delta', delta: text })}\n\n`
const read = (...events: readonly string[]) => readText(openaiResponses, 'sse', events.join(''))

test('finds the usage behind 10 MB of output in the terminal event (M11)', () => {
  const text = '{"usage":{"input_tokens":1,"output_tokens":2}}\n'.repeat(250_000)
  const bytes = Buffer.from(completed({ input_tokens: 10, output_tokens: 20, total_tokens: 30 }, [{ text }]))
  expect(bytes.length).toBeGreaterThan(10_000_000)
  for (const size of [1000, 65_536, bytes.length])
    expect(readChunks(openaiResponses, 'sse', inChunks(bytes, size))).toMatchObject({
      usage: { inputTokens: 10, outputTokens: 20 },
      isFinal: true,
      phase: 'complete',
    })
})

describe('totals and parts that disagree (M13)', () => {
  const text = delta('a'.repeat(320))
  test.each([
    [
      'only a total: it is split by the output that was seen',
      { total_tokens: 500 },
      { inputTokens: 400, outputTokens: 100 },
    ],
    ['a total below the output that was seen', { total_tokens: 60 }, { inputTokens: 0, outputTokens: 60 }],
    ['a total and the input', { total_tokens: 500, input_tokens: 450 }, { inputTokens: 450, outputTokens: 50 }],
    ['a total and the output', { total_tokens: 500, output_tokens: 450 }, { inputTokens: 50, outputTokens: 450 }],
    [
      'a total below the sum',
      { total_tokens: 5, input_tokens: 10, output_tokens: 20 },
      { inputTokens: 10, outputTokens: 20 },
    ],
    [
      'a total above the sum',
      { total_tokens: 50, input_tokens: 10, output_tokens: 20 },
      { inputTokens: 10, outputTokens: 40 },
    ],
  ])('%s (M13)', (_, usage, expected) => {
    const reading = read(text, completed(usage))
    expect(reading).toMatchObject({ usage: expected, isFinal: true })
    expect(reading.anomalies).toEqual([expect.stringMatching(/^usage\.total_tokens: /)])
  })
})

describe('counts that cannot be true (M14)', () => {
  test.each(['-5', '1.5', '1e30', '"12"'])('rejects %s and says so (M14)', (value) => {
    const line = `data: {"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":${value}}}}\n\n`
    expect(read(line)).toMatchObject({ usage: { inputTokens: 7 }, isFinal: false, phase: 'complete' })
    expect(read(line).usage.outputTokens).toBeUndefined()
    expect(read(line).anomalies).toEqual([expect.stringMatching(/^usage\.output_tokens: /)])
  })

  test('more cached or reasoning tokens than there are tokens are cut to the total and noted (M10, M14)', () => {
    const details = { input_tokens_details: { cached_tokens: 50 }, output_tokens_details: { reasoning_tokens: 90 } }
    const { usage, anomalies } = read(completed({ input_tokens: 10, output_tokens: 20, total_tokens: 30, ...details }))
    expect(usage).toEqual({ inputTokens: 0, cacheReadTokens: 10, outputTokens: 20, reasoningTokens: 20 })
    expect(anomalies).toHaveLength(2)
  })

  test('a usage beyond the ceiling is let go and noted (M14)', () => {
    const { usage, isFinal, anomalies } = read(
      completed({ padding: 'x'.repeat(100_000), input_tokens: 10, output_tokens: 20 }),
    )
    expect({ usage, isFinal, anomalies }).toEqual({
      usage: {},
      isFinal: false,
      anomalies: ['response.usage: "unreadable"'],
    })
  })
})

test('cached and written parts that are more than the input are charged as the input, never as less (M10, M14)', () => {
  const usage = {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 80, cache_write_tokens: 50 },
    output_tokens: 5,
    total_tokens: 105,
  }
  const reading = readText(openaiResponses, 'json', JSON.stringify({ usage, status: 'completed' }))
  expect(reading.usage).toEqual({ inputTokens: 0, cacheReadTokens: 80, cacheWrite5mTokens: 20, outputTokens: 5 })
  expect(reading.anomalies).toHaveLength(1)
})

describe('requests', () => {
  const readRequest = (text: string, size = 3) =>
    openaiResponses.readRequest(inChunks(Buffer.from(text), size), '/v1/responses')

  test('are read for what the proxy must know', () => {
    const body = { model, input: [{ content: '"background":true' }], stream: true, max_output_tokens: 100 }
    expect(readRequest(JSON.stringify(body))).toEqual({
      model,
      maxOutputTokens: 100,
      answerCount: 1,
      stream: true,
      background: false,
      providerTools: [],
    })
  })

  test.each([
    '{"background":true}',
    '{"b\\u0061ckground":true}',
    '{"background":false,"background":true}',
    '{"background":1}',
    '{"background":"true"}',
  ])('that ask for a background response are seen: %s (M21)', (text) => {
    for (const size of [1, 2, 3, 7, 64]) expect(readRequest(text, size)?.background).toBe(true)
  })

  test('cannot hide a key behind values that fill the buffer (M21)', () => {
    const filler = (key: string) => `"${key}":"${'x'.repeat(30_000)}",`
    expect(readRequest(`{${filler('model')}${filler('stream')}"background":true}`, 1000)).toBeUndefined()
    expect(readRequest(`{${filler('model').repeat(9)}"background":true}`, 1000)?.background).toBe(true)
  })
})
