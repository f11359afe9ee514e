import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTokenAnswer, tokenQuestion } from './token-question.ts'

function asked(format: Parameters<typeof tokenQuestion>[0], path: string, body: unknown, chunkBytes = 1_000) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  )
  const question = tokenQuestion(format, { path, body: chunks })
  return question && { path: question.path, body: JSON.parse(Buffer.concat(question.body).toString()) }
}

const prompt = {
  model: 'm',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'max_tokens: "stream" }]' }] }],
  system: [{ type: 'text', text: 'é\u2028"\\' }],
  tools: [{ name: 't', input_schema: { type: 'object', properties: { stream: { type: 'string' } } } }],
  thinking: { type: 'adaptive' },
}

describe('the question for the tokens of a request', () => {
  it('to Anthropic has the prompt, and nothing that is about the answer', () => {
    const request = { ...prompt, max_tokens: 64_000, stream: true, metadata: { user_id: 'x' }, temperature: 1 }
    expect(asked('anthropic-messages', '/v1/messages', request)).toEqual({
      path: '/v1/messages/count_tokens',
      body: prompt,
    })
  })

  it('to OpenAI has what its endpoint takes', () => {
    const question = { model: 'm', input: [{ role: 'user', content: 'hi' }], instructions: 'be brief', reasoning: {} }
    const request = { ...question, stream: true, store: false, include: ['x'], max_output_tokens: 9, metadata: null }
    expect(asked('openai-responses', '/v1/responses', request)).toEqual({
      path: '/v1/responses/input_tokens',
      body: question,
    })
  })

  it('to Google names the model of the path, with the whole prompt', () => {
    const request = { contents: [{ parts: [{ text: 'hi' }] }], tools: [], safetySettings: [{ category: 'c' }] }
    for (const action of ['generateContent', 'streamGenerateContent']) {
      expect(asked('gemini', `/v1beta/models/gemini-x:${action}`, request)).toEqual({
        path: '/v1beta/models/gemini-x:countTokens',
        body: { generateContentRequest: { model: 'models/gemini-x', contents: request.contents, tools: [] } },
      })
    }
  })

  it.each([
    ['openai-chat', '/v1/chat/completions'],
    ['openai-embeddings', '/v1/embeddings'],
    ['openai-responses', '/v1/responses/compact'],
    ['gemini', '/v1beta/models/m:embedContent'],
    ['anthropic-messages', '/v1/complete'],
  ] as const)('is not asked of %s at %s', (format, path) => {
    expect(asked(format, path, prompt)).toBeUndefined()
  })

  it('takes the last of equal keys and reads escaped ones, as the provider does, in any chunks', () => {
    const body = '{ "stream":true, "model":"a","messages" : [1], "\\u006dodel":"b" ,"m\\u0065ssages":[2, "]"]\n}'
    for (const chunkBytes of [1, 2, 3, 7, 1_000]) {
      expect(asked('anthropic-messages', '/v1/messages', body, chunkBytes)?.body).toEqual({
        model: 'b',
        messages: [2, ']'],
      })
    }
  })

  it('carries any values as they are (property)', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
        fc.integer({ min: 1, max: 40 }),
        (rest, value, bytes) => {
          const body = { ...rest, messages: value, system: [value] }
          expect(asked('anthropic-messages', '/v1/messages', body, bytes)?.body).toMatchObject(
            JSON.parse(JSON.stringify({ messages: value, system: [value] })),
          )
        },
      ),
    )
  })
})

it('reads a count where the provider puts it, and nothing else', () => {
  expect(readTokenAnswer('anthropic-messages', '{"input_tokens":12,"x":1}')).toBe(12)
  expect(readTokenAnswer('openai-responses', '{"object":"response.input_tokens","input_tokens":0}')).toBe(0)
  expect(readTokenAnswer('gemini', '{"totalTokens":7}')).toBe(7)
  for (const text of [
    '',
    '7',
    'null',
    '[]',
    '{"input_tokens":-1}',
    '{"input_tokens":"9"}',
    '{"input_tokens":1.5}',
    '{"totalTokens":7}',
  ]) {
    expect(readTokenAnswer('anthropic-messages', text), text).toBeUndefined()
  }
  expect(readTokenAnswer('openai-chat', '{"input_tokens":12}')).toBeUndefined()
})
