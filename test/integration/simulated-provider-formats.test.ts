/** The simulated provider's other APIs, read by the official SDKs: what they see is what the provider logged. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type SimulatedProvider,
  type SimulatedProviderOptions,
  startSimulatedProvider,
} from '../../src/demo/provider/simulated-provider.ts'

const trustedBefore = getCACertificates('default')
let stack = new AsyncDisposableStack()

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(options: SimulatedProviderOptions = {}): Promise<SimulatedProvider> {
  const provider = stack.use(await startSimulatedProvider(options))
  setDefaultCACertificates([...trustedBefore, provider.caCertificate])
  stack.defer(() => setDefaultCACertificates(trustedBefore))
  return provider
}

const openAIAt = ({ port }: SimulatedProvider) =>
  new OpenAI({ apiKey: 'key', baseURL: `https://127.0.0.1:${port}/v1`, maxRetries: 0 })
const geminiAt = ({ port }: SimulatedProvider) =>
  new GoogleGenAI({ apiKey: 'key', httpOptions: { baseUrl: `https://127.0.0.1:${port}` } })

async function lastServed({ served }: SimulatedProvider) {
  await expect.poll(() => served.at(-1)?.end).not.toBe('open')
  return served.at(-1)
}

const chat = { model: 'gpt-5', messages: [{ role: 'user' as const, content: 'say hi' }] }
const tool = { type: 'function' as const, function: { name: 'read_file', parameters: { type: 'object' } } }
const readCall = { text: 'Let me look.', toolCall: { name: 'read_file', input: { path: 'a.txt' } } }

describe('chat completions', () => {
  test('answer whole, cached and reasoning tokens inside the totals', async () => {
    const provider = await provide({ reasoningTokens: 7 })
    const { choices, usage } = await openAIAt(provider).chat.completions.create({ ...chat, reasoning_effort: 'low' })
    expect(choices[0]?.message.content).toContain('You wrote: "say hi"')
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(7)
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0))
    expect((await lastServed(provider))?.reported).toEqual({
      inputTokens: usage?.prompt_tokens,
      cacheReadTokens: 0,
      outputTokens: usage?.completion_tokens,
      reasoningTokens: 7,
    })
  })

  test.each([true, false])('stream, and tell the usage in an extra chunk when asked: %s', async (include_usage) => {
    const provider = await provide()
    const stream = await openAIAt(provider).chat.completions.create({
      ...chat,
      stream: true,
      stream_options: { include_usage },
    })
    let text = ''
    const usages: unknown[] = []
    for await (const { choices, usage } of stream) {
      text += choices[0]?.delta.content ?? ''
      if (usage) usages.push(usage)
    }
    expect(text).toContain('You wrote: "say hi"')
    expect(usages).toHaveLength(include_usage ? 1 : 0)
    const served = await lastServed(provider)
    expect(served?.reported.outputTokens).toBe(include_usage ? served?.billed.outputTokens : undefined)
  })

  test('call the tool of a script', async () => {
    const provider = await provide({ script: [readCall] })
    const stream = openAIAt(provider).chat.completions.stream({ ...chat, tools: [tool] })
    const { choices } = await stream.finalChatCompletion()
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ function: { name: 'read_file', arguments: '{"path":"a.txt"}' } }] },
    })
  })
})

test('legacy completions answer whole and as a stream', async () => {
  const provider = await provide()
  const request = { model: 'gpt-3.5-turbo-instruct', prompt: 'say hi', max_tokens: 100 }
  const whole = await openAIAt(provider).completions.create(request)
  let streamed = ''
  for await (const { choices } of await openAIAt(provider).completions.create({ ...request, stream: true })) {
    streamed += choices[0]?.text ?? ''
  }
  expect(streamed).toBe(whole.choices[0]?.text)
  expect(streamed).toContain('You wrote')
})

test('embeddings report the prompt alone', async () => {
  const provider = await provide()
  const { data, usage } = await openAIAt(provider).embeddings.create({
    model: 'text-embedding-3-small',
    input: ['a', 'bb'],
  })
  expect(data).toHaveLength(2)
  expect(usage).toEqual({ prompt_tokens: 2, total_tokens: 2 })
  expect((await lastServed(provider))?.reported).toEqual({ inputTokens: 2 })
})

describe('Gemini', () => {
  const request = { model: 'gemini-3.8-flash', contents: 'say hi', config: { thinkingConfig: { thinkingBudget: 100 } } }

  test('answers whole, thoughts beside the candidates', async () => {
    const provider = await provide({ reasoningTokens: 7 })
    const { text, usageMetadata } = await geminiAt(provider).models.generateContent(request)
    expect(text).toContain('You wrote: "say hi"')
    expect(usageMetadata?.thoughtsTokenCount).toBe(7)
    const { promptTokenCount = 0, candidatesTokenCount = 0 } = usageMetadata ?? {}
    expect(usageMetadata?.totalTokenCount).toBe(promptTokenCount + candidatesTokenCount + 7)
    expect((await lastServed(provider))?.reported).toEqual({
      inputTokens: promptTokenCount,
      cacheReadTokens: 0,
      outputTokens: candidatesTokenCount + 7,
      reasoningTokens: 7,
    })
  })

  test('streams events with the usage so far in each', async () => {
    const provider = await provide()
    let text = ''
    let output: number | undefined
    for await (const chunk of await geminiAt(provider).models.generateContentStream(request)) {
      text += chunk.text ?? ''
      output = chunk.usageMetadata?.candidatesTokenCount
    }
    expect(text).toContain('You wrote: "say hi"')
    const served = await lastServed(provider)
    expect(served).toMatchObject({ stream: true, end: 'complete' })
    expect(served?.reported.outputTokens).toBe((output ?? 0) + (served?.reported.reasoningTokens ?? 0))
  })

  test('streams one JSON array where no events are asked for', async () => {
    const provider = await provide()
    const response = await fetch(`https://127.0.0.1:${provider.port}/v1beta/models/g:streamGenerateContent?key=k`, {
      method: 'POST',
      headers: { 'x-goog-api-key': 'key' },
      body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'say hi' }] }] }),
    })
    const chunks = (await response.json()) as { readonly usageMetadata: { readonly totalTokenCount: number } }[]
    expect(chunks.length).toBeGreaterThan(1)
    expect(chunks.at(-1)?.usageMetadata.totalTokenCount).toBeGreaterThan(chunks[0]?.usageMetadata.totalTokenCount ?? 0)
  })

  test('counts tokens, and refuses in its own shape', async () => {
    const provider = await provide()
    const { totalTokens } = await geminiAt(provider).models.countTokens({ model: request.model, contents: 'say hi' })
    const { usageMetadata } = await geminiAt(provider).models.generateContent(request)
    expect(totalTokens).toBe(usageMetadata?.promptTokenCount)
    const failing = await provide({ fail: () => ({ kind: 'http', status: 503 }) })
    await expect(geminiAt(failing).models.generateContent(request)).rejects.toThrow(/UNAVAILABLE/)
  })
})
