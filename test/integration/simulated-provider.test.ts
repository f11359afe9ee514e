import { EventEmitter, once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterEach, describe, expect, test } from 'vitest'
import { startProviderProcess } from '../../src/demo/provider/provider-process.ts'
import {
  type SimulatedProvider,
  type SimulatedProviderOptions,
  startSimulatedProvider,
} from '../../src/demo/provider/simulated-provider.ts'

const trustedBefore = getCACertificates('default')
const perTest: AsyncDisposable[] = []

afterEach(async () => {
  setDefaultCACertificates(trustedBefore)
  for (const resource of perTest.splice(0)) await resource[Symbol.asyncDispose]()
})

/** A provider whose CA this process trusts until the test ends. */
async function provide(options: SimulatedProviderOptions = {}): Promise<SimulatedProvider> {
  const provider = await startSimulatedProvider(options)
  perTest.push(provider)
  setDefaultCACertificates([...trustedBefore, provider.caCertificate])
  return provider
}

const anthropicAt = ({ port }: { readonly port: number }, apiKey = 'key-a') =>
  new Anthropic({ apiKey, baseURL: `https://127.0.0.1:${port}`, maxRetries: 0 })
const openAIAt = ({ port }: { readonly port: number }, apiKey = 'key-o') =>
  new OpenAI({ apiKey, baseURL: `https://127.0.0.1:${port}/v1`, maxRetries: 0 })

const hello = { model: 'claude-opus-4-8', max_tokens: 500, messages: [{ role: 'user' as const, content: 'say hi' }] }
const readTool = { name: 'read_file', input_schema: { type: 'object' as const, properties: {} } }
const readCall = { text: 'Let me look.', toolCall: { name: 'read_file', input: { path: 'a.txt' } } }
const longText = 'All of this is context that does not change. '.repeat(200)

/** A pace that stops after so many deltas until the test lets it go on. */
function stopAfter(deltas: number) {
  const events = new EventEmitter()
  let count = 0
  const wait = async (_: number, signal: AbortSignal) => {
    count += 1
    if (count <= deltas) return
    events.emit('stopped')
    await once(events, 'go', { signal })
  }
  return { options: { deltaIntervalMs: 1, wait }, stopped: once(events, 'stopped') }
}

function lastOf({ served }: SimulatedProvider) {
  const last = served.at(-1)
  if (last === undefined) throw new Error('nothing was served')
  return last
}

/** Waits for the end of the last request, which the server may see after the client does. */
async function endOf(provider: SimulatedProvider) {
  await expect.poll(() => lastOf(provider).end).not.toBe('open')
  return lastOf(provider)
}

describe('the Anthropic SDK', () => {
  test('reads a stream and sees the usage that the provider logged', async () => {
    const provider = await provide()
    const stream = anthropicAt(provider).messages.stream(hello)
    const streamed: string[] = []
    stream.on('text', (delta) => streamed.push(delta))
    const message = await stream.finalMessage()
    expect(message.content).toMatchObject([{ type: 'text', text: streamed.join('') }])
    expect(streamed.join('')).toContain('You wrote: "say hi"')
    expect(message.stop_reason).toBe('end_turn')
    expect(await endOf(provider)).toMatchObject({
      id: stream.request_id,
      status: 200,
      end: 'complete',
      credentials: { authorization: 'Bearer key-a' },
      reported: { inputTokens: message.usage.input_tokens, outputTokens: message.usage.output_tokens },
      billed: { inputTokens: message.usage.input_tokens, outputTokens: message.usage.output_tokens },
    })
  })

  test('reads the same answer and usage as one JSON body', async () => {
    const provider = await provide()
    const streamed = await anthropicAt(provider).messages.stream(hello).finalMessage()
    const whole = await anthropicAt(provider).messages.create(hello)
    expect(whole.content).toEqual(streamed.content)
    expect(whole.usage.output_tokens).toBe(streamed.usage.output_tokens)
    expect((await endOf(provider)).reported).toEqual(provider.served[0]?.reported)
  })

  test('reads thinking and a tool call, and counts both as output', async () => {
    const provider = await provide({ script: [readCall], reasoningTokens: 10 })
    const message = await anthropicAt(provider)
      .messages.stream({ ...hello, thinking: { type: 'adaptive' }, tools: [readTool] })
      .finalMessage()
    expect(message.stop_reason).toBe('tool_use')
    expect(message.content).toMatchObject([
      { type: 'thinking', signature: expect.stringMatching(/./) },
      { type: 'text', text: 'Let me look.' },
      { type: 'tool_use', name: 'read_file', input: { path: 'a.txt' } },
    ])
    // 10 of thinking, 12 bytes of text, the 16 bytes of {"path":"a.txt"}.
    expect(message.usage.output_tokens).toBe(10 + 3 + 4)
  })

  test('is told that the limit ended the answer', async () => {
    const provider = await provide({ outputTokens: 300 })
    const message = await anthropicAt(provider).messages.create({ ...hello, max_tokens: 7 })
    expect(message).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 7 } })
  })

  test('sees a marked prefix written to the cache once and read afterwards', async () => {
    const provider = await provide()
    const ask = (question: string) =>
      anthropicAt(provider).messages.create({
        ...hello,
        system: [{ type: 'text', text: longText, cache_control: { type: 'ephemeral' } }],
        messages: [{ role: 'user', content: question }],
      })
    const first = await ask('one')
    const second = await ask('two')
    expect(first.usage).toMatchObject({ cache_creation_input_tokens: 2250, cache_read_input_tokens: 0 })
    expect(second.usage).toMatchObject({ cache_creation_input_tokens: 0, cache_read_input_tokens: 2250 })
    expect(second.usage.input_tokens).toBe(first.usage.input_tokens)
  })

  test('counts the tokens of a prompt as the message is then billed, and lists models', async () => {
    const provider = await provide()
    const client = anthropicAt(provider)
    const { max_tokens: _, ...prompt } = hello
    const { input_tokens } = await client.messages.countTokens(prompt)
    expect((await client.messages.create(hello)).usage.input_tokens).toBe(input_tokens)
    const models = await client.models.list()
    expect(models.data.map(({ type }) => type)).toEqual(['model', 'model', 'model'])
  })

  test('throws what the provider does wrong: an error status, an error event, a cut, an early end', async () => {
    const failures = [
      [{ kind: 'http', status: 529 }, /529.*overloaded_error/],
      [{ kind: 'error-event', afterTokens: 8 }, /overloaded_error/],
      [{ kind: 'reset', afterTokens: 8 }, /terminated/],
      [{ kind: 'end', afterTokens: 8 }, /without/],
    ] as const
    for (const [failure, message] of failures) {
      const provider = await provide({ fail: () => failure })
      await expect(anthropicAt(provider).messages.stream(hello).finalMessage()).rejects.toThrow(message)
      const { end, billed } = await endOf(provider)
      expect({ end, outputTokens: billed.outputTokens }).toEqual(
        failure.kind === 'http'
          ? { end: 'complete', outputTokens: undefined }
          : { end: 'failed', outputTokens: failure.afterTokens },
      )
    }
  })

  test('leaves in mid-stream, and the provider stops and logs what it had sent', async () => {
    const pace = stopAfter(5)
    const provider = await provide({ ...pace.options, outputTokens: 400, tokensPerDelta: 4 })
    const stream = anthropicAt(provider).messages.stream(hello)
    const failed = expect(stream.finalMessage()).rejects.toThrow(Anthropic.APIUserAbortError)
    await pace.stopped
    stream.abort()
    await failed
    const { end, billed, reported } = await endOf(provider)
    expect({ end, output: billed.outputTokens, told: reported.outputTokens }).toEqual({
      end: 'aborted',
      output: 20,
      told: 1,
    })
  })
})

describe('the OpenAI SDK', () => {
  test('reads a stream and sees the usage that the provider logged', async () => {
    const provider = await provide({ reasoningTokens: 12 })
    const stream = openAIAt(provider).responses.stream({
      model: 'gpt-6.1-sol',
      input: 'say hi',
      reasoning: { effort: 'low' },
    })
    const streamed: string[] = []
    stream.on('response.output_text.delta', ({ delta }) => streamed.push(delta))
    const response = await stream.finalResponse()
    expect(response.output_text).toBe(streamed.join(''))
    expect(response.output.map(({ type }) => type)).toEqual(['reasoning', 'message'])
    const { usage } = response
    expect(usage?.output_tokens_details.reasoning_tokens).toBe(12)
    expect(await endOf(provider)).toMatchObject({
      status: 200,
      end: 'complete',
      credentials: { authorization: 'Bearer key-o' },
      reported: { inputTokens: usage?.input_tokens, outputTokens: usage?.output_tokens, reasoningTokens: 12 },
      billed: { outputTokens: usage?.output_tokens },
    })
  })

  test('reads one JSON body, whose repeated prefix is cached in whole steps', async () => {
    const provider = await provide()
    const ask = (input: string) =>
      openAIAt(provider).responses.create({ model: 'gpt-6.1-sol', instructions: longText, input })
    const first = await ask('one')
    const second = await ask('two')
    expect(first.usage?.input_tokens_details.cached_tokens).toBe(0)
    expect(second.usage?.input_tokens_details.cached_tokens).toBe(2176)
    expect(second.usage?.input_tokens).toBe(first.usage?.input_tokens)
    expect(lastOf(provider).reported.cacheReadTokens).toBe(2176)
  })

  test('reads a function call, in a stream and as JSON', async () => {
    const provider = await provide({ script: [readCall] })
    const body = {
      model: 'gpt-6.1-sol',
      input: 'say hi',
      tools: [{ type: 'function' as const, name: 'read_file', parameters: {}, strict: false }],
    }
    const call = { type: 'function_call', name: 'read_file', arguments: '{"path":"a.txt"}' }
    expect((await openAIAt(provider).responses.stream(body).finalResponse()).output[1]).toMatchObject(call)
    expect((await openAIAt(provider).responses.create(body)).output[1]).toMatchObject(call)
  })

  test('is told that the limit ended the answer', async () => {
    const provider = await provide({ outputTokens: 300 })
    const body = { model: 'gpt-6.1-sol', input: 'say hi', max_output_tokens: 16 }
    const response = await openAIAt(provider).responses.stream(body).finalResponse()
    expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
    expect(response.usage?.output_tokens).toBe(16)
  })

  test('reads a failed response as the last event of a stream', async () => {
    const provider = await provide({ fail: () => ({ kind: 'error-event', afterTokens: 8 }) })
    const events = await openAIAt(provider).responses.create({ model: 'gpt-6.1-sol', input: 'say hi', stream: true })
    const types: string[] = []
    for await (const { type } of events) types.push(type)
    expect(types.at(-1)).toBe('response.failed')
  })
})

describe('the provider', () => {
  test('answers errors in the shape of each API', async () => {
    const provider = await provide()
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(`https://127.0.0.1:${provider.port}${path}`, init)
      return { status: response.status, body: await response.json() }
    }
    const post = (body: string, headers: Record<string, string>) => ({ method: 'POST', body, headers })
    const anthropicKey = { 'x-api-key': 'k', 'anthropic-version': '2023-06-01' }
    const openAIKey = { authorization: 'Bearer k' }
    const cases = [
      [await ask('/v1/messages', post('{}', {})), 401, { type: 'error', error: { type: 'authentication_error' } }],
      [await ask('/v1/messages', post('{', anthropicKey)), 400, { error: { type: 'invalid_request_error' } }],
      [await ask('/v1/messages', post('{"model":"m"}', anthropicKey)), 400, { error: { message: /^messages: / } }],
      [await ask('/v1/files', { headers: anthropicKey }), 404, { error: { type: 'not_found_error' } }],
      [await ask('/v1/responses', post('{}', {})), 401, { error: { code: 'invalid_api_key' } }],
      [await ask('/v1/responses', post('{"model":"m"}', openAIKey)), 400, { error: { message: /'input'/ } }],
      [await ask('/v1/files', { headers: openAIKey }), 404, { error: { type: 'invalid_request_error' } }],
    ] as const
    for (const [answer, status, body] of cases) expect(answer).toEqual(matching({ status, body }))
  })

  test('answers what Claude Code and Codex ask beside their messages', async () => {
    const provider = await provide()
    const statuses: Record<string, number> = {}
    for (const endpoint of [
      'HEAD /api/hello',
      'POST /api/eval/sdk-1',
      'GET /api/claude_code/policy_limits',
      'GET /api/claude_code/settings',
      'POST /api/event_logging/v2/batch',
      'GET /backend-api/codex/models',
    ]) {
      const [method = '', path] = endpoint.split(' ')
      const init = { method, headers: { authorization: 'Bearer k' } }
      statuses[endpoint] = (await fetch(`https://127.0.0.1:${provider.port}${path}`, init)).status
    }
    expect(Object.values(statuses)).toEqual([200, 200, 200, 404, 200, 200])
    expect(provider.served.every(({ billed }) => Object.keys(billed).length === 0)).toBe(true)
  })

  test('accepts only the credential that it was given', async () => {
    const provider = await provide({ credential: 'the-real-one' })
    await expect(anthropicAt(provider, 'placeholder').messages.create(hello)).rejects.toThrow(
      Anthropic.AuthenticationError,
    )
    expect((await anthropicAt(provider, 'the-real-one').messages.create(hello)).type).toBe('message')
  })

  test('waits for a client that does not read', async () => {
    const outputTokens = 400_000
    const provider = await provide({ outputTokens })
    const request = httpsRequest({
      host: '127.0.0.1',
      port: provider.port,
      path: '/v1/messages',
      method: 'POST',
      headers: { 'x-api-key': 'k' },
    }).end(JSON.stringify({ ...hello, max_tokens: outputTokens, stream: true }))
    const [response] = await once(request, 'response')
    const sent = await settled(() => lastOf(provider).billed.outputTokens ?? 0)
    expect(lastOf(provider).end).toBe('open')
    expect(sent).toBeLessThan(outputTokens)
    response.resume()
    await once(response, 'end')
    expect((await endOf(provider)).billed.outputTokens).toBe(outputTokens)
  })
})

describe('the provider as a process', () => {
  test('says where it listens, serves its log on another port, and ends when its starter lets go', async () => {
    const provider = await startProviderProcess(['--output-tokens', '50', '--credential', 'key-a'])
    perTest.push(provider)
    setDefaultCACertificates([...trustedBefore, provider.caCertificate])
    const message = await anthropicAt(provider).messages.create(hello)
    expect(message.usage.output_tokens).toBe(50)
    const served = await provider.served()
    expect(served).toMatchObject([{ path: '/v1/messages', reported: { outputTokens: 50 } }])
    await provider[Symbol.asyncDispose]()
    expect(() => process.kill(provider.pid, 0)).toThrow('ESRCH')
  })

  test('refuses flags that it does not understand, and says which', async () => {
    await expect(startProviderProcess(['--fail', 'sometimes'])).rejects.toThrow(/--fail must be .* not "sometimes"/)
    await expect(startProviderProcess(['--loud'])).rejects.toThrow('--loud')
  })
})

/** The value once it has not changed for many turns of this process's event loop, which runs both ends. */
async function settled(read: () => number): Promise<number> {
  let value = read()
  for (let quietTurns = 0; quietTurns < 500; quietTurns += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    if (read() === value && value > 0) continue
    value = read()
    quietTurns = 0
  }
  return value
}

/** Turns regular expressions in an expected value into matchers, and objects into partial ones. */
function matching(expected: unknown): unknown {
  if (expected instanceof RegExp) return expect.stringMatching(expected)
  if (typeof expected !== 'object' || expected === null) return expected
  return expect.objectContaining(
    Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, matching(value)])),
  )
}
