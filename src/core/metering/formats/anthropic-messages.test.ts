import { describe, expect, test } from 'vitest'
import { anthropicMessages } from './anthropic-messages.ts'
import { checkWireFormat, inChunks, readChunks, readText } from './wire-format.contract.ts'

const model = 'claude-fixture-1'
const complete = { model, phase: 'complete', isFinal: true, anomalies: [] } as const
const compacted = {
  inputTokens: 50_700,
  cacheWrite5mTokens: 30,
  cacheWrite1hTokens: 100,
  cacheReadTokens: 40,
  outputTokens: 1700,
}
const noCache = { cacheWrite5mTokens: 0, cacheWrite1hTokens: 0, cacheReadTokens: 0 }

checkWireFormat(anthropicMessages, [
  {
    title: 'takes the last value of each field (M01)',
    file: 'text.sse',
    expected: { ...complete, usage: { inputTokens: 21, ...noCache, outputTokens: 34 } },
    visibleText: 'The bottle is on the shelf — 第二行\nand “quoted”.',
  },
  {
    title: 'keeps cache classes apart, counts each once, and leaves server tool calls out (M06)',
    file: 'cache-and-server-tools.sse',
    expected: {
      ...complete,
      usage: {
        inputTokens: 950,
        cacheWrite5mTokens: 400,
        cacheWrite1hTokens: 1600,
        cacheReadTokens: 12_500,
        outputTokens: 88,
      },
    },
    sealedBytes: 108,
    visibleText: 'Look at the shelf first.{"query": "bottle \\"green\\""}It is green.',
  },
  {
    title: 'sums the iterations of a compaction (M05)',
    file: 'compaction.sse',
    expected: { ...complete, usage: compacted },
    visibleText: '## Summary\n- the shelfAs before.',
  },
  {
    title: 'keeps what was seen before an error event (M07)',
    file: 'error-after-deltas.sse',
    expected: {
      ...complete,
      phase: 'failed',
      isFinal: false,
      usage: { inputTokens: 900, ...noCache, cacheReadTokens: 100, outputTokens: 2 },
    },
    visibleText: 'A long sentence that was on its way when the provider broke off',
  },
  {
    title: 'stays open when the stream ends without a final event (M07)',
    file: 'cut-before-end.sse',
    expected: {
      ...complete,
      phase: 'open',
      isFinal: false,
      usage: { inputTokens: 900, ...noCache, cacheReadTokens: 100, outputTokens: 2 },
    },
    visibleText: 'Half an ans',
  },
  {
    title: 'takes nothing from text and tool input that look like usage (M08)',
    file: 'quoted-usage.sse',
    expected: { ...complete, usage: { inputTokens: 30, ...noCache, outputTokens: 70 } },
    visibleText:
      '"usage":{"input_tokens":999999,"output_tokens":999999}\n\nevent: message_delta\ndata: {"type":"message_delta","usage":{"input_tokens":999999,"output_tokens":999999}}\n\n{"usage":{"output_tokens":999999},"message":{"usage":{"input_tokens":999999}}}',
  },
  {
    title: 'reads a message without streaming (M06, M08)',
    file: 'message.json',
    expected: {
      ...complete,
      usage: { inputTokens: 12, cacheWrite5mTokens: 5, cacheWrite1hTokens: 6, cacheReadTokens: 7, outputTokens: 45 },
    },
    sealedBytes: 4,
    visibleText:
      'The shelf.The bottle says "usage":{"output_tokens":999999} — 第二行{ "usage": { "output_tokens": 999999 } }',
  },
  {
    title: 'is charged for a refusal as for any answer (M05, M08)',
    file: 'refusal.sse',
    expected: { ...complete, usage: { inputTokens: 18, ...noCache, outputTokens: 5 } },
    visibleText: '',
  },
  {
    title: 'takes the last output where the last event has nothing else (M01)',
    file: 'tool-without-arguments.sse',
    expected: { ...complete, usage: { inputTokens: 565, ...noCache, outputTokens: 48 } },
    visibleText: 'I look.',
  },
  {
    title: 'sums a model that declined and the one that it fell back to (M05)',
    file: 'fallback.sse',
    expected: {
      ...complete,
      usage: { inputTokens: 4100, ...noCache, outputTokens: 69, reasoningTokens: 20 },
    },
    visibleText: 'I would rather — here it is.',
  },
  {
    title: 'sums the turns of a web search and its advisor (M05, M06, M08)',
    file: 'web-search-and-advisor.sse',
    expected: {
      ...complete,
      usage: {
        inputTokens: 18_000,
        cacheWrite5mTokens: 50,
        cacheWrite1hTokens: 0,
        cacheReadTokens: 25,
        outputTokens: 1195,
      },
    },
    visibleText: '{"query": "usage"}Found.',
  },
  {
    title: 'takes nothing from what executed code printed, and reasoning inside the output (M06, M08)',
    file: 'code-execution.json',
    expected: { ...complete, usage: { inputTokens: 8050, ...noCache, outputTokens: 771, reasoningTokens: 300 } },
    visibleText: 'Done.{\n        "command": "echo usage"\n      }',
  },
  {
    title: 'sums the iterations of a message without streaming (M05)',
    file: 'compaction.json',
    expected: { ...complete, usage: compacted },
    visibleText: 'As before.',
  },
  {
    title: 'an error body is failed and costs nothing that it does not report (M20)',
    file: 'error.json',
    expected: { model: undefined, phase: 'failed', isFinal: false, anomalies: [], usage: {} },
    visibleText: '',
  },
])

const event = (type: string, rest: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`
const start = (usage: object | undefined): string => event('message_start', { message: { model, usage } })
const late = (usage: unknown, stopReason: string | null = 'end_turn'): string =>
  event('message_delta', { delta: { stop_reason: stopReason }, usage })
const stop = event('message_stop', {})
const read = (...events: readonly string[]) => readText(anthropicMessages, 'sse', events.join(''))

describe('a prompt that is reported twice (M02)', () => {
  test.each([
    [
      'repeats the fields',
      { input_tokens: 61, cache_read_input_tokens: 900 },
      { inputTokens: 61, cacheReadTokens: 900 },
    ],
    ['names the whole prompt as uncached', { input_tokens: 910 }, { inputTokens: 910 }],
    [
      'moves the prompt to the cache',
      { input_tokens: 0, cache_read_input_tokens: 910 },
      { inputTokens: 0, cacheReadTokens: 910 },
    ],
    [
      'has null for what it does not know',
      { input_tokens: 10, cache_read_input_tokens: null },
      { inputTokens: 10, cacheReadTokens: 900 },
    ],
  ])('is counted once when the second report %s (M02)', (_, second, expected) => {
    const { usage } = read(
      start({ input_tokens: 10, cache_read_input_tokens: 900, output_tokens: 1 }),
      late({ ...second, output_tokens: 5 }),
      stop,
    )
    expect(usage).toEqual({ ...expected, outputTokens: 5 })
  })

  test('a cache write without its split keeps the 1h part that was named before (M02, M06)', () => {
    const split = { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 90 }
    const first = { input_tokens: 1, cache_creation_input_tokens: 100, cache_creation: split }
    const { usage } = read(start(first), late({ cache_creation_input_tokens: 120, output_tokens: 5 }), stop)
    expect(usage).toEqual({ inputTokens: 1, cacheWrite5mTokens: 30, cacheWrite1hTokens: 90, outputTokens: 5 })
  })
})

describe('placeholders and zeros', () => {
  test('the final delta wins over a message_start of zeros (M03)', () => {
    const { usage, isFinal } = read(
      start({ input_tokens: 0, output_tokens: 0 }),
      late({ input_tokens: 40, output_tokens: 5 }),
      stop,
    )
    expect({ usage, isFinal }).toEqual({ usage: { inputTokens: 40, outputTokens: 5 }, isFinal: true })
  })

  test('nothing is known when neither event reports (M03)', () => {
    const { usage, isFinal, phase } = read(start({ input_tokens: 0, output_tokens: 0 }), late(undefined), stop)
    expect({ usage, isFinal, phase }).toEqual({ usage: {}, isFinal: false, phase: 'complete' })
    expect(read(start(undefined), stop).usage).toEqual({})
  })

  test('an explicit 0 stays 0, and what is absent stays unknown (M04)', () => {
    const { usage } = read(start({ input_tokens: 0, cache_read_input_tokens: 900 }), late({ output_tokens: 0 }), stop)
    expect(usage).toEqual({ inputTokens: 0, cacheReadTokens: 900, outputTokens: 0 })
  })
})

describe('when counts are final', () => {
  test('only the delta that says why the message stopped is final, or the end after one that did not (M01)', () => {
    const first = start({ input_tokens: 10, output_tokens: 1 })
    expect(read(first).isFinal).toBe(false)
    expect(read(first, late({ output_tokens: 5 }, null)).isFinal).toBe(false)
    expect(read(first, late({ output_tokens: 5 }, null), stop).isFinal).toBe(true)
    const cut = 'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tok'
    expect(read(first, late({ output_tokens: 5 }, null), cut).isFinal).toBe(false)
    expect(read(first, late({ output_tokens: 5 }))).toMatchObject({ isFinal: true, phase: 'open' })
  })

  test('the event name stands in for a type that is missing', () => {
    expect(read('event: error\ndata: {"error":{"type":"api_error"}}\n\n').phase).toBe('failed')
  })
})

describe('counts that cannot be true (M14)', () => {
  const bad = ['-5', '1.5', '1e30', '1e400', '"12"', 'true', '[]', '{}', '9007199254740993']
  test.each(bad)('rejects %s, keeps the earlier count and says so (M14)', (value) => {
    const delta = `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":${value}}}\n\n`
    const { usage, isFinal, anomalies } = read(start({ input_tokens: 10, output_tokens: 3 }), delta, stop)
    expect({ usage, isFinal }).toEqual({ usage: { inputTokens: 10, outputTokens: 3 }, isFinal: false })
    expect(anomalies).toEqual([expect.stringMatching(/^usage\.output_tokens: /)])
  })

  test('rejects a usage that is no JSON (M14)', () => {
    const delta = 'data: {"type":"message_delta","usage":{"output_tokens":NaN}}\n\n'
    expect(read(start({ input_tokens: 10 }), delta, stop)).toMatchObject({
      usage: { inputTokens: 10 },
      isFinal: false,
      anomalies: ['usage: "unreadable"'],
    })
  })

  test('notes only a few, and those briefly (M14)', () => {
    const deltas = Array.from({ length: 50 }, (_, index) => late({ output_tokens: `${index}${'x'.repeat(500)}` }))
    const { anomalies } = read(...deltas)
    expect(anomalies).toHaveLength(8)
    for (const anomaly of anomalies) expect(anomaly.length).toBeLessThan(100)
  })
})

test('a JSON body beyond every buffer has its usage found at the end (M17)', () => {
  const text = '"usage":{"output_tokens":999999} \\ '.repeat(300_000)
  const bytes = Buffer.from(
    JSON.stringify({
      type: 'message',
      content: [{ type: 'text', text }],
      model,
      usage: { input_tokens: 3, output_tokens: 9 },
    }),
  )
  expect(bytes.length).toBeGreaterThan(10_000_000)
  const { usage, isFinal, phase } = readChunks(anthropicMessages, 'json', inChunks(bytes, 65_537))
  expect({ usage, isFinal, phase }).toEqual({
    usage: { inputTokens: 3, outputTokens: 9 },
    isFinal: true,
    phase: 'complete',
  })
})

test('thinking that comes encrypted, as a block or as its signature, counts as output that was seen (M07)', () => {
  const events = [
    { type: 'content_block_start', index: 0, content_block: { type: 'redacted_thinking', data: 'QUJD'.repeat(200) } },
    { type: 'content_block_delta', index: 1, delta: { type: 'signature_delta', signature: 'QUJD'.repeat(100) } },
  ]
  const stream = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
  expect(readText(anthropicMessages, 'sse', stream).observedOutputTokens).toBe(150)
})

describe('requests', () => {
  const readRequest = (text: string, size = 5) =>
    anthropicMessages.readRequest(inChunks(Buffer.from(text), size), '/v1/messages')

  test('are read for what the proxy must know', () => {
    const body = {
      messages: [{ role: 'user', content: '{"model":"other","stream":false}' }],
      model,
      max_tokens: 64_000,
      stream: true,
    }
    expect(readRequest(JSON.stringify(body))).toEqual({
      model,
      maxOutputTokens: 64_000,
      answerCount: 1,
      stream: true,
      background: false,
      providerTools: [],
    })
  })

  test.each([
    '',
    '[]',
    '"text"',
    '{"model":"x"',
    '{"model":"x"}}',
    '{"model":"x"} {"stream":true}',
    '{"model":NaN}',
    '{\u0000}',
    '{"model"',
  ])('are unreadable when the body is no JSON object: %j', (text) => expect(readRequest(text)).toBeUndefined())
})
