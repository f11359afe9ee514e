import { describe, expect, test } from 'vitest'
import { gemini } from './gemini.ts'
import { checkWireFormat, inChunks, readChunks, readText } from './wire-format.contract.ts'

const model = 'gemini-fixture-1'
const complete = { model, phase: 'complete', isFinal: true, anomalies: [] } as const
const quotedUsage = '"usageMetadata":{"promptTokenCount":999999}'
const thoughtful = { inputTokens: 388, cacheReadTokens: 512, outputTokens: 151, reasoningTokens: 120 }
const thoughtfulText = `**Looking at the shelf**The bottle is on the shelf — 第二行 “quoted”.\n${quotedUsage}`

checkWireFormat(gemini, [
  {
    title: 'takes the last value, cached content inside the prompt and thoughts outside the candidates (M25)',
    file: 'text.sse',
    expected: { ...complete, usage: thoughtful },
    visibleText: thoughtfulText,
  },
  {
    title: 'reads a stream that comes as one JSON array the same (M25)',
    file: 'array.json',
    expected: { ...complete, usage: thoughtful },
    visibleText: thoughtfulText,
  },
  {
    title: 'adds what tools put into the prompt, and takes nothing from arguments that look like usage (M08, M25)',
    file: 'tool.sse',
    expected: { ...complete, usage: { inputTokens: 329, outputTokens: 60, reasoningTokens: 45 } },
    visibleText: `{${quotedUsage}}`,
  },
  {
    title: 'is complete where the prompt was blocked: a count that is left out is zero (M04)',
    file: 'blocked.sse',
    expected: { ...complete, usage: { inputTokens: 40, outputTokens: 0 } },
    visibleText: '',
  },
  {
    title: 'keeps the last counts when the stream ends early (M07)',
    file: 'cut-before-end.sse',
    expected: {
      ...complete,
      phase: 'open',
      isFinal: false,
      usage: { inputTokens: 900, outputTokens: 23, reasoningTokens: 20 },
    },
    visibleText: 'Half an ans',
  },
  {
    title: 'keeps what was seen before an error in the stream (M07)',
    file: 'error-in-stream.sse',
    expected: { ...complete, phase: 'failed', isFinal: false, usage: { inputTokens: 900, outputTokens: 5 } },
    visibleText: 'Some words before the error',
  },
  {
    title: 'reads a response without streaming (M08, M25)',
    file: 'response.json',
    expected: {
      ...complete,
      usage: { inputTokens: 8, cacheReadTokens: 4, outputTokens: 39, reasoningTokens: 30 },
    },
    visibleText: `Says ${quotedUsage} — 第二行{\n                "n": 1\n              }`,
  },
  {
    title: 'an error body is failed and costs nothing that it does not report (M20)',
    file: 'error.json',
    expected: { model: undefined, phase: 'failed', isFinal: false, anomalies: [], usage: {} },
    visibleText: '',
  },
  {
    title: 'so is an error in an array (M20)',
    file: 'error-in-array.json',
    expected: { model: undefined, phase: 'failed', isFinal: false, anomalies: [], usage: {} },
    visibleText: '',
  },
])

const event = (usageMetadata: unknown, finishReason?: string): string =>
  `data: ${JSON.stringify({ candidates: [{ content: {}, finishReason }], usageMetadata })}\n\n`
const read = (...events: readonly string[]) => readText(gemini, 'sse', events.join(''))

describe('totals and parts that disagree (M13)', () => {
  test.each([
    [
      'a total above the sum is charged as output',
      { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 40 },
      { inputTokens: 10, outputTokens: 30 },
    ],
    [
      'a total below the sum is not',
      { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 4 },
      { inputTokens: 10, outputTokens: 5 },
    ],
    [
      'more cached content than there is prompt is cut to it',
      { promptTokenCount: 10, cachedContentTokenCount: 12, candidatesTokenCount: 5 },
      { inputTokens: 0, cacheReadTokens: 10, outputTokens: 5 },
    ],
  ])('%s (M13)', (_, usage, expected) => {
    expect(read(event(usage, 'STOP'))).toMatchObject({ usage: expected, isFinal: true })
    expect(read(event(usage, 'STOP')).anomalies).toHaveLength(1)
  })

  test('a total alone is input as far as it is not output', () => {
    expect(read(event({ totalTokenCount: 30, candidatesTokenCount: 12 }, 'STOP'))).toMatchObject({
      usage: { inputTokens: 18, outputTokens: 12 },
      isFinal: true,
    })
  })
})

describe('what is not known', () => {
  test.each(['-5', '1.5', '1e30', '"12"'])('rejects %s, keeps the earlier count and says so (M14)', (value) => {
    const last = `data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"candidatesTokenCount":${value}}}\n\n`
    const reading = read(event({ promptTokenCount: 10, candidatesTokenCount: 5 }), last)
    expect(reading).toMatchObject({ usage: { inputTokens: 10, outputTokens: 5 }, isFinal: false, phase: 'complete' })
    expect(reading.anomalies).toEqual([expect.stringMatching(/^usageMetadata\.candidatesTokenCount: /)])
  })

  test.each([{}, { trafficType: 'ON_DEMAND' }, null, undefined])(
    'a report of %j leaves the earlier counts standing (M04)',
    (nothing) => {
      const first = event({ promptTokenCount: 10, candidatesTokenCount: 5 })
      expect(read(first, event(nothing, 'STOP'))).toMatchObject({
        usage: { inputTokens: 10, outputTokens: 5 },
        isFinal: true,
      })
      expect(read(event(nothing, 'STOP'))).toMatchObject({ usage: {}, isFinal: false, phase: 'complete' })
    },
  )
})

test('a body that is no JSON is counted by its bytes, and said to be (M20)', () => {
  for (const body of [
    'callback({"usageMetadata":{"promptTokenCount":3}})',
    '<html></html>',
    '{"a":1}x',
    '\n\u0005proto',
  ]) {
    const { usage, isFinal, observedOutputTokens, anomalies } = readText(gemini, 'json', body)
    expect({ usage, isFinal }).toEqual({ usage: {}, isFinal: false })
    expect(observedOutputTokens).toBe(body.length)
    expect(anomalies).toEqual(['the body is no JSON'])
  }
})

describe('a JSON array', () => {
  const array = (text: string) => readText(gemini, 'json', text)
  const element = '{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3}}'

  test.each([
    ['with blanks before it', `\r\n  [${element}]`],
    ['without its end', `[${element}`],
    ['with other elements', `[1,"x",null,[{"usageMetadata":{"promptTokenCount":9}}], ${element} ]`],
    ['with something behind it', `[${element}] {"usageMetadata":{"promptTokenCount":9}}`],
  ])('is read %s', (_, text) => {
    for (const size of [1, 2, 3, 7, 1000])
      expect(readChunks(gemini, 'json', inChunks(Buffer.from(text), size))).toMatchObject({
        usage: { inputTokens: 3, outputTokens: 0 },
        isFinal: true,
      })
  })

  test.each(['[', '[]', '', ' ', '[{"usageMetadata":', '[}', ']', '[{"a":1]'])(
    'that is none counts for nothing: %s',
    (text) => {
      expect(array(text)).toMatchObject({ usage: {}, isFinal: false })
    },
  )

  test('is read as it comes, not at its end', () => {
    const meter = gemini.createMeter('json')
    meter.feed(
      Buffer.from(
        '[{"candidates":[{"content":{"parts":[{"text":"0123456789"}]}}],"usageMetadata":{"promptTokenCount":3}},',
      ),
    )
    expect(meter.reading()).toMatchObject({ usage: { inputTokens: 3 }, phase: 'open', observedOutputTokens: 4 })
  })
})

describe('requests', () => {
  const readRequest = (body: object, path: string) => gemini.readRequest([Buffer.from(JSON.stringify(body))], path)

  test('are read for what the proxy must know, the model and the method from the path', () => {
    const body = { contents: [], generationConfig: { maxOutputTokens: 100 } }
    expect(readRequest(body, '/v1beta/models/gemini-2.5-pro:streamGenerateContent')).toMatchObject({
      model: 'gemini-2.5-pro',
      maxOutputTokens: 100,
      stream: true,
    })
    expect(
      readRequest({ generation_config: { candidate_count: 3 } }, '/v1/models/gemini-x:generateContent')?.answerCount,
    ).toBe(3)
    expect(
      readRequest({ generation_config: { max_output_tokens: 7 } }, '/v1/models/gemini-x:generateContent'),
    ).toMatchObject({
      model: 'gemini-x',
      maxOutputTokens: 7,
      stream: false,
    })
  })

  test.each([
    '?alt=proto',
    '?alt=sse&alt=proto',
    '?fields=candidates',
    '?callback=f',
    '?%61lt=proto',
    '?$alt=proto',
    '?alt=media',
    '?alt=sse?alt=proto',
  ])('for an answer in another form are told apart: %s (I3)', (query) => {
    expect(readRequest({}, `/v1beta/models/m:generateContent${query}`)).toMatchObject({
      model: 'm',
      unmeteredForm: query,
    })
  })

  test('for an answer in another form are told apart also where the path is odd (I3)', () => {
    expect(readRequest({}, '/v1beta/models/a::generateContent?fields=a:b')?.unmeteredForm).toBe('?fields=a:b')
  })

  test.each(['', '?', '?alt=sse', '?alt=json'])('for one that is metered are not: "%s"', (query) => {
    expect(readRequest({}, `/v1beta/models/m:generateContent${query}`)?.unmeteredForm).toBeUndefined()
  })

  test('whose body is no object are unreadable', () => {
    expect(gemini.readRequest([Buffer.from('[]')], '/v1beta/models/m:generateContent')).toBeUndefined()
  })
})
