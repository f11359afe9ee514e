/** Recorded answers of each wire format through the real proxy: the client's bytes, and what the ledger is told. */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { headerValues } from '../../src/proxy/heads.ts'
import { answerSmall, leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import {
  anthropicHost,
  ask,
  googleHost,
  metered,
  open,
  openaiHost,
  readAnswer,
  startRequest,
} from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'

let stack = new AsyncDisposableStack()

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<ProxyRigOptions> = {},
): Promise<ProxyRig & { readonly upstream: MeteredUpstream }> {
  const upstream = stack.use(await startProviderUpstream(onRequest))
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), ...options }))
  return { ...rig, upstream }
}

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../src/core/metering/formats/fixtures/${name}`, import.meta.url))
const typeOf = (name: string) => (name.endsWith('.sse') ? 'text/event-stream' : 'application/json')
const google = '/v1beta/models/gemini-x'

describe('the answer of', () => {
  it.each([
    [openaiHost, '/v1/responses/compact', 'openai-responses/compaction.json', 'codex', 8600],
    [openaiHost, '/v1/embeddings', 'openai-embeddings/embeddings.json', 'codex', 23],
    [googleHost, `${google}:generateContent`, 'gemini/response.json', 'gemini', 51],
    [googleHost, `${google}:streamGenerateContent?alt=sse`, 'gemini/text.sse', 'gemini', 1051],
    [googleHost, `${google}:streamGenerateContent`, 'gemini/array.json', 'gemini', 1051],
  ])(
    '%s%s passes as it is, and is charged what it reports (I4, M21, M25)',
    async (host, path, name, provider, charge) => {
      const bytes = fixture(name)
      const rig = await provide((request, response) => {
        request.resume()
        response.writeHead(200, { 'content-type': typeOf(name) })
        for (let at = 0; at < bytes.length; at += 100) response.write(bytes.subarray(at, at + 100))
        response.end()
      })
      const answer = await ask(rig, { host, path, body: '{"model":"asked"}' })
      expect(answer.body).toEqual(bytes)
      await rig.settled(1)
      expect(rig.settlements).toMatchObject([{ provider, chargeTokens: charge, source: 'authoritative' }])
      expect(rig.bugs).toEqual([])
    },
  )
})

describe('a stream of Gemini whose budget is spent', () => {
  const element = (text: string) => JSON.stringify({ candidates: [{ content: { parts: [{ text }] } }] })

  it.each([
    ['as events', 'text/event-stream', (text: string) => `data: ${element(text)}\n\n`],
    ['as one JSON array', 'application/json', (text: string) => `[${element(text)},\n`],
  ])('is reset, %s, and the next call is told why (E01, E02)', async (_, contentType, write) => {
    const rig = await provide(
      (request, response) => {
        request.resume()
        response.writeHead(200, { 'content-type': contentType }).write(write('many words '.repeat(400)))
      },
      { budgets: { gemini: 1_000 } },
    )
    const stream = { host: googleHost, path: `${google}:streamGenerateContent`, body: '{"contents":[]}' }
    const cut = await readAnswer(await open(rig, stream))
    expect(cut.isWhole).toBe(false)
    const { status, body } = await ask(rig, stream)
    expect(status).toBe(400)
    expect(JSON.parse(body.toString()).error).toMatchObject({
      status: 'FAILED_PRECONDITION',
      message: expect.stringContaining('budget spent'),
    })
  })
})

describe('a request for an answer that hides its usage', () => {
  it('is refused, and nothing is dialled (I3)', async () => {
    const rig = await provide(answerSmall)
    const { status, body } = await ask(rig, {
      host: googleHost,
      path: `${google}:generateContent?fields=candidates&key=mine`,
      body: '{"contents":[]}',
    })
    expect(status).toBe(400)
    expect(JSON.parse(body.toString()).error.message).toContain('the query ?fields=candidates ')
    expect(rig.upstream.seen).toEqual([])
  })
})

describe('a request for a tool that the provider runs', () => {
  const search = {
    host: anthropicHost,
    body: metered({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }),
  }

  it('is refused with a sentence that names it and what allows it, and nothing is dialled (I3, M21)', async () => {
    const rig = await provide(answerSmall)
    const { status, body } = await ask(rig, search)
    expect(status).toBe(400)
    expect(JSON.parse(body.toString()).error.message).toMatch(/^bot-bottle: "web_search" .*"provider_tools"/)
    expect(rig.denials).toMatchObject([{ reason: expect.stringContaining('web_search') }])
    expect(rig.upstream.seen).toEqual([])
    expect(rig.settlements).toEqual([])
  })

  it('passes where the route allows it', async () => {
    const rig = await provide(answerSmall, { routes: [{ host: anthropicHost, providerTools: ['web_search'] }] })
    expect((await ask(rig, search)).status).toBe(200)
  })
})

describe('a stream of completions (M09)', () => {
  const chunks = fixture('openai-chat/text.sse').toString()
  const [usageChunk = ''] = /data: [^\n]*"choices":\[\].*\n\n/.exec(chunks) ?? []
  const chat = { host: openaiHost, path: '/v1/chat/completions' }
  const messages = [{ role: 'user', content: 'say hi' }]

  /** Answers in pieces that end anywhere, with the chunk of usage if it is asked for. */
  const provideChat = async (headers: Readonly<Record<string, string>> = {}) => {
    const rig = await provide((_, response) => {
      void rig.upstream.seen.at(-1)?.body.then((body) => {
        const { stream_options: options } = JSON.parse(body)
        const text = Buffer.from(options?.include_usage === true ? chunks : chunks.replace(usageChunk, ''))
        response.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
        for (let at = 0; at < text.length; at += 70) response.write(text.subarray(at, at + 70))
        response.end()
      })
    })
    return rig
  }

  it.each([
    ['did not ask for its usage', {}, chunks.replace(usageChunk, '')],
    ['asked for none', { stream_options: { include_usage: false } }, chunks.replace(usageChunk, '')],
    ['asked for it', { stream_options: { include_usage: true } }, chunks],
  ])('is charged what it reports; a client that %s sees what it would without us', async (_, fields, expected) => {
    expect(usageChunk).toContain('"usage":{')
    const rig = await provideChat()
    const body = JSON.stringify({ model: 'm', messages, stream: true, ...fields })
    const answer = await ask(rig, { ...chat, body, headers: ['accept-encoding', 'gzip, br'] })
    expect(answer.body.toString()).toBe(expected)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 1510, source: 'authoritative' }])
    const [seen] = rig.upstream.seen
    const sent = await seen?.body
    expect(JSON.parse(sent ?? '')).toMatchObject({ messages, stream_options: { include_usage: true } })
    expect(headerValues(seen?.rawHeaders ?? [], 'content-length')).toEqual([String(sent?.length)])
    expect(headerValues(seen?.rawHeaders ?? [], 'accept-encoding')).toEqual(['identity'])
  })

  it('does not keep the length that was announced for all of it', async () => {
    const rig = await provideChat({ 'content-length': String(Buffer.byteLength(chunks)) })
    const answer = await ask(rig, { ...chat, body: JSON.stringify({ messages, stream: true }) })
    expect(answer).toMatchObject({ status: 200, isWhole: true })
    expect(answer.headers['content-length']).toBeUndefined()
    expect(answer.body.toString()).toBe(chunks.replace(usageChunk, ''))
  })

  it('is asked for without the coding that the request came in, since the edit is beneath it', async () => {
    const rig = await provideChat()
    const body = gzipSync(JSON.stringify({ messages, stream: true }))
    const answer = await ask(rig, { ...chat, body, headers: ['content-encoding', 'gzip'] })
    expect(answer.status).toBe(200)
    const [seen] = rig.upstream.seen
    expect(headerValues(seen?.rawHeaders ?? [], 'content-encoding')).toEqual([])
    expect(await seen?.body).toBe(
      `{"stream_options":{"include_usage":true},${JSON.stringify({ messages, stream: true }).slice(1)}`,
    )
  })

  it('is asked for as it came where it is none', async () => {
    const rig = await provide((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'application/json' }).end(fixture('openai-chat/completion.json'))
    })
    const body = JSON.stringify({ messages, stream: false })
    expect((await ask(rig, { ...chat, body })).body).toEqual(fixture('openai-chat/completion.json'))
    expect(await rig.upstream.seen[0]?.body).toBe(body)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 1510, source: 'authoritative' }])
  })

  it('ends with an error that its clients read when the budget is spent (E01)', async () => {
    const rig = await provide(
      (request, response) => {
        request.resume()
        const delta = { choices: [{ index: 0, delta: { content: 'many words '.repeat(400) } }] }
        response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .write(`data: ${JSON.stringify(delta)}\n\ndata: {"ch`)
      },
      { budgets: { codex: 1_000 } },
    )
    const { body, isWhole } = await ask(rig, { ...chat, body: JSON.stringify({ messages, stream: true }) })
    expect(isWhole).toBe(true)
    const last = body.toString().trimEnd().split('\n\n').at(-1) ?? ''
    expect(JSON.parse(last.replace('data: ', '')).error).toMatchObject({ code: 'invalid_prompt' })
  })
})

describe('a response that goes on from another one', () => {
  const usage = { input_tokens: 40_000, output_tokens: 1_000, total_tokens: 41_000 }
  const event = (type: string, fields: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`

  it.each(['text/event-stream', 'application/json'])(
    'and is broken off is charged for the transcript that the provider added, after %s (M19)',
    async (contentType) => {
      const rig = await provide((request, response) => {
        request.resume()
        response.writeHead(200, { 'content-type': rig.upstream.seen.length === 1 ? contentType : 'text/event-stream' })
        if (rig.upstream.seen.length > 1) return response.write(event('response.output_text.delta', { delta: 'Hello' }))
        const first = { id: 'resp_1', object: 'response', model: 'm', status: 'completed', usage }
        if (contentType === 'application/json') return response.end(JSON.stringify(first))
        return response.end(event('response.completed', { response: first }))
      })
      const responses = { host: openaiHost, path: '/v1/responses' }
      await ask(rig, { ...responses, body: '{"model":"m","input":"hi"}' })
      await rig.settled(1)
      const left = await open(rig, {
        ...responses,
        body: '{"model":"m","input":"and?","stream":true,"previous_response_id":"resp_1"}',
      })
      left.once('data', () => left.destroy())
      await rig.settled(2)
      expect(rig.settlements[1]).toMatchObject({ source: 'estimated', ending: 'client_gone' })
      expect(rig.settlements[1]?.chargeTokens).toBeGreaterThan(41_000)
      expect(rig.settlements[1]?.chargeTokens).toBeLessThan(41_100)
    },
  )
})

it('the model that answered is recorded, where it is not the one that was asked for (M26)', async () => {
  const rig = await provide((request, response) => {
    request.resume()
    const message = { type: 'message', model: 'answers', usage: { input_tokens: 7, output_tokens: 3 } }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(message))
  })
  await ask(rig, { host: anthropicHost, path: '/v1/messages', body: metered({ model: 'asked' }) })
  await rig.settled(1)
  expect(await rig.ledger.events({ limit: 1 })).toMatchObject([{ model: 'answers' }])
})

it('several answers that nobody waited for are charged each (M19)', async () => {
  const rig = await provide((request) => request.resume().once('end', () => client.destroy()))
  const client = startRequest(rig, { host: openaiHost, path: '/v1/chat/completions' })
  client.end('{"model":"m","messages":[],"n":128}')
  await rig.settled(1)
  expect(rig.settlements).toMatchObject([{ source: 'estimated', ending: 'client_gone' }])
  expect(rig.settlements[0]?.chargeTokens).toBeGreaterThan(128 * 256)
})
