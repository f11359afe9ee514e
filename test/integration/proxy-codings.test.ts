import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { createGzip, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { codings } from '../fakes/coded.ts'
import { anthropicStream } from '../fakes/event-streams.ts'
import { leadingTo, type MeteredUpstream, smallUsage, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { type AskOptions, ask, metered, open } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'
import { split } from '../fakes/split.ts'
import { until } from '../fakes/until.ts'

/** Small enough to be exceeded in a moment. */
const smallLimits = vi.hoisted(() => ({
  maxDecodedAnswerBytes: 4 * 1024 * 1024,
  maxDecodedRequestBytes: 1_000_000,
  maxBodiesBytes: 2_500_000,
}))
vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  return { ...limits, proxyLimits: { ...limits.proxyLimits, ...smallLimits } as never }
})

let stack = new AsyncDisposableStack()
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const rig of rigs.splice(0)) {
    await rig.settled(rig.started.length)
    expect(rig.bugs).toEqual([])
    expect(await rig.ledger.verify()).toEqual([])
  }
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(
  onRequest?: Parameters<typeof startProviderUpstream>[0],
  options: Partial<ProxyRigOptions> = {},
): Promise<{ readonly upstream: MeteredUpstream; readonly rig: ProxyRig }> {
  const upstream = stack.use(await startProviderUpstream(onRequest))
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), ...options }))
  rigs.push(rig)
  return { upstream, rig }
}

interface CodedAnswer {
  readonly coding: string
  readonly bytes: Buffer
  readonly type?: string
  readonly pieceBytes?: number
}

async function answerCoded(
  [request, response]: readonly [IncomingMessage, ServerResponse],
  { coding, bytes, type = 'application/json', pieceBytes = 64 * 1024 }: CodedAnswer,
): Promise<void> {
  request.resume()
  response.writeHead(200, { 'content-type': type, 'content-encoding': coding })
  for (const piece of split(bytes, [pieceBytes])) {
    response.write(piece)
    await setImmediate()
  }
  response.end()
}

const document = Buffer.from(
  JSON.stringify({ type: 'message', content: [{ type: 'text', text: 'hi' }], usage: smallUsage }),
)
const stream = Buffer.from(anthropicStream({ deltas: ['a', 'b', '\u4f60\u597d'], inputTokens: 10 }).join(''))
const unstreamed = { body: metered({ stream: false }) }
const eventStream = 'text/event-stream'
const requestCodings = Object.keys(codings).filter((title) => !title.includes('deflate'))

describe('the coding of an answer', () => {
  it('is asked for as far as the client offers it and the meter reads it; a stream is asked for without one (M15)', async () => {
    const { rig, upstream } = await provide()
    const asked = async (offered: string | undefined, options: AskOptions = {}) => {
      await ask(rig, { ...options, headers: offered === undefined ? [] : ['accept-encoding', offered] })
      const raw = upstream.seen.at(-1)?.rawHeaders ?? []
      return raw.flatMap((name, index) => (name.toLowerCase() === 'accept-encoding' ? [raw[index + 1]] : []))
    }
    expect(await asked('gzip, compress, br;q=0.5', unstreamed)).toEqual(['gzip, br;q=0.5'])
    expect(await asked(undefined, unstreamed)).toEqual(['identity'])
    expect(await asked('gzip, br')).toEqual(['identity'])
    expect(await asked('gzip, identity;q=0')).toEqual(['gzip, identity;q=0'])
    expect(await asked('gzip, compress', { path: '/v1/messages/count_tokens' })).toEqual(['gzip, compress'])
  })

  it.each(Object.entries(codings))('%s passes as it is, and is read (M15)', async (_, { field, code }) => {
    let answer: CodedAnswer = { coding: field, bytes: code(document) }
    const { rig } = await provide((...exchange) => void answerCoded(exchange, answer))
    const received = await ask(rig, unstreamed)
    expect(received.headers['content-encoding']).toBe(field)
    expect(received.body).toEqual(answer.bytes)
    for (const pieceBytes of [1, 7, 1_000]) {
      answer = { coding: field, bytes: code(stream), type: eventStream, pieceBytes }
      expect((await ask(rig)).body).toEqual(answer.bytes)
    }
    await rig.settled(4)
    expect(rig.settlements.map(({ chargeTokens, source }) => [chargeTokens, source])).toEqual([
      [10, 'authoritative'],
      [13, 'authoritative'],
      [13, 'authoritative'],
      [13, 'authoritative'],
    ])
  })

  it('that was read to its final counts may be followed by anything (M15)', async () => {
    const bytes = Buffer.concat([gzipSync(document), Buffer.from('trailing garbage')])
    const { rig } = await provide((...exchange) => void answerCoded(exchange, { coding: 'gzip', bytes }))
    expect((await ask(rig, unstreamed)).body).toEqual(bytes)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 10, source: 'authoritative' }])
  })

  it.each([
    ['is not known', { coding: 'compress', bytes: Buffer.from('x'.repeat(5_000)) }],
    ['is not what it says', { coding: 'gzip', bytes: Buffer.from('x'.repeat(5_000)) }],
    ['is one of too many', { coding: 'gzip, gzip, gzip, gzip, gzip', bytes: Buffer.alloc(5_000, 1) }],
  ])('that %s is counted by its bytes, and passes as it is (M15)', async (_, answer) => {
    const { rig } = await provide((...exchange) => void answerCoded(exchange, { ...answer, pieceBytes: 100 }))
    expect((await ask(rig, unstreamed)).body).toEqual(answer.bytes)
    await rig.settled(1)
    const [settlement] = rig.settlements
    expect(settlement?.source).toBe('estimated')
    expect(settlement?.chargeTokens).toBeGreaterThan(5_000)
    expect(settlement?.chargeTokens).toBeLessThan(5_100)
  })

  it('that breaks in the middle leaves what was read, and the rest is counted by its bytes (M15)', async () => {
    const start = gzipSync(
      anthropicStream({ deltas: ['a'], inputTokens: 40 })
        .slice(0, 2)
        .join(''),
    )
    const bytes = Buffer.concat([start, gzipSync('').subarray(0, 10), Buffer.alloc(2_000, 0xff)])
    const { rig } = await provide(
      (...exchange) =>
        void answerCoded(exchange, { coding: 'gzip', bytes, type: eventStream, pieceBytes: start.length }),
    )
    expect((await ask(rig)).body).toEqual(bytes)
    await rig.settled(1)
    const [settlement] = rig.settlements
    expect(settlement).toMatchObject({ source: 'partial' })
    expect(settlement?.chargeTokens).toBeGreaterThanOrEqual(2_040)
    expect(settlement?.chargeTokens).toBeLessThan(2_200)
  })

  it('that ends early is charged by what was read of it (M15)', async () => {
    const whole = gzipSync(stream)
    const bytes = whole.subarray(0, whole.length - 40)
    const { rig } = await provide(
      (...exchange) => void answerCoded(exchange, { coding: 'gzip', bytes, type: eventStream }),
    )
    expect((await ask(rig)).body).toEqual(bytes)
    await rig.settled(1)
    const [settlement] = rig.settlements
    expect(settlement).toMatchObject({ source: 'partial' })
    expect(settlement?.chargeTokens).toBeLessThan(20)
  })

  it('that is a bomb is not decoded beyond the limit: its bytes are counted, and they pass (H13)', async () => {
    const events = 'data: {"type":"ping"}\n\n'.repeat(20_000)
    const bytes = gzipSync(Buffer.from(events.repeat(40)))
    const { rig } = await provide(
      (...exchange) => void answerCoded(exchange, { coding: 'gzip', bytes, type: eventStream }),
    )
    expect((await ask(rig)).body.equals(bytes)).toBe(true)
    await rig.settled(1)
    const [settlement] = rig.settlements
    expect(settlement?.source).toBe('estimated')
    expect(settlement?.chargeTokens).toBeGreaterThan(bytes.length / 2)
  })
})

describe('a coded stream', () => {
  const words = Array.from({ length: 1_000 }, (_, index) => `word number ${index} of a long answer, `)
  const events = anthropicStream({ deltas: words, inputTokens: 40 })

  /** Compresses event by event, as servers do that flush. */
  async function streamCoded([request, response]: readonly [IncomingMessage, ServerResponse]): Promise<unknown> {
    request.resume()
    response.writeHead(200, { 'content-type': eventStream, 'content-encoding': 'gzip' })
    const gzip = createGzip()
    gzip.pipe(response)
    for (const event of events) {
      if (response.destroyed) return gzip.destroy()
      gzip.write(event)
      await new Promise<void>((resolve) => gzip.flush(resolve))
    }
    return gzip.end()
  }

  it('is broken off when the budget runs out: no event of ours can follow; what came is charged (E01)', async () => {
    const { rig } = await provide((...exchange) => void streamCoded(exchange), { budgets: { claude: 1_500 } })
    const answer = await ask(rig)
    expect(answer).toMatchObject({ status: 200, isWhole: false })
    await rig.settled(1)
    const [settlement] = rig.settlements
    expect(settlement).toMatchObject({ ending: 'cut', source: 'partial' })
    expect(settlement?.chargeTokens).toBeGreaterThanOrEqual(1_500)
    expect(settlement?.chargeTokens).toBeLessThan(1_500 + 500)
    expect(rig.spent).toHaveLength(1)
    expect((await ask(rig)).status).toBe(402)
  })

  it('whose client leaves is charged what was observed (M19)', async () => {
    const { rig } = await provide((...exchange) => void streamCoded(exchange))
    const response = await open(rig)
    let bytes = 0
    for await (const chunk of response) {
      bytes += chunk.length
      if (bytes > 2_000) break
    }
    response.destroy()
    await rig.settled(1)
    const [settlement] = rig.settlements
    expect(settlement).toMatchObject({ ending: 'client_gone', source: 'partial' })
    expect(settlement?.chargeTokens).toBeGreaterThan(60)
  })

  it('that comes faster than it is decoded is held, not collected (M24)', async () => {
    // Each piece decodes to a thousand times its size, so that the decoder falls behind.
    const piece = gzipSync(Buffer.alloc(60_000, ': a comment\n'))
    const pieces = 60
    let sent = 0
    const { rig } = await provide(async (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': eventStream, 'content-encoding': 'gzip' })
      for (; sent < pieces; sent += 1) {
        if (!response.write(piece)) await once(response, 'drain')
      }
      response.end(gzipSync(stream))
    })
    const { body, isWhole } = await ask(rig)
    expect(isWhole).toBe(true)
    expect(body.length).toBe(piece.length * pieces + gzipSync(stream).length)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 13, source: 'authoritative' }])
  })
})

describe('a coded request', () => {
  const request = metered({ messages: [{ role: 'user', content: 'say hi '.repeat(2_000) }], stream: false })
  const sendCoded = (rig: ProxyRig, coding: string, body: Buffer) =>
    ask(rig, { body, headers: ['Content-Encoding', coding] })

  it.each(requestCodings)('in %s is sent on as it came, and estimated by what it decodes to (M18)', async (title) => {
    const { field, code } = codings[title] ?? expect.fail(`no coding is called ${title}`)
    const { rig, upstream } = await provide((_, response) => response.end())
    const body = code(request)
    expect((await sendCoded(rig, field, body)).status).toBe(200)
    expect(await upstream.seen[0]?.bytes).toEqual(body)
    expect(upstream.seen[0]?.rawHeaders.join('\n')).toContain(`Content-Encoding\n${field}`)
    await ask(rig, { body: request })
    await rig.settled(2)
    const [coded, plain] = rig.settlements
    expect(coded?.chargeTokens).toBe(plain?.chargeTokens)
    expect(coded?.chargeTokens).toBeGreaterThan(1_000)
  })

  it.each([
    ['cannot be decoded', 'gzip', Buffer.from(request), 400, /is not in the content coding that it names/],
    ['is not whole', 'zstd', zstdCompressSync(request).subarray(0, -5), 400, /ends before its content coding/],
    ['goes on after its end', 'gzip', Buffer.concat([gzipSync(request), Buffer.from('{}')]), 400, /goes on/],
    ['decodes to no JSON object', 'gzip', gzipSync('[]'), 400, /not the JSON object/],
    ['decodes to two documents', 'gzip', gzipSync(`${request}{}`), 400, /not the JSON object/],
    ['is in a coding that is not known', 'compress', Buffer.from(request), 415, /coding compress,.*gzip, br, zstd/],
    ['may be read in two ways', 'deflate', deflateSync(request), 415, /coding deflate,.*gzip, br, zstd/],
    ['is a bomb', 'gzip', gzipSync(request + ' '.repeat(1_100_000)), 413, /decodes to more than 1000000 bytes/],
  ])('that %s is refused, and nothing is dialled or charged (M18, H13)', async (_, coding, body, status, reason) => {
    const { rig, upstream } = await provide()
    const answer = await sendCoded(rig, coding, body)
    expect(answer.status).toBe(status)
    expect(answer.body.toString()).toMatch(reason)
    expect(upstream.connectionCount).toBe(0)
    expect(rig.started).toEqual([])
    expect(rig.denials).toHaveLength(1)
  })

  it('counts decoded against what the bodies of a bottle may hold together (M18, H13)', async () => {
    const { rig, upstream } = await provide((incoming) => void incoming.resume())
    const body = gzipSync(request + ' '.repeat(900_000))
    const waiting = [sendCoded(rig, 'gzip', body), sendCoded(rig, 'gzip', body)]
    await until('two are under way', () => upstream.requestCount === 2)
    const refused = await sendCoded(rig, 'gzip', body)
    expect(refused.status).toBe(413)
    expect(refused.body.toString()).toContain('requests in flight of this bottle, decoded,')
    await rig.proxy.cut('bot-bottle: enough')
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(402)
  })

  it('is read by its coding also where the field is spelled with a line below, as some servers read it (I3)', async () => {
    const { rig } = await provide()
    const headers = ['Content_Encoding', 'gzip']
    const asked = gzipSync(metered({ tools: [{ type: 'web_search_20250305' }] }))
    expect((await ask(rig, { body: asked, headers })).status).toBe(400)
    expect((await ask(rig, { body: metered(), headers })).status).toBe(400)
    expect(rig.denials.map(({ code }) => code)).toEqual(['not_metered', 'undecodable'])
  })

  it('to a free endpoint passes as it came, whatever it says (M18)', async () => {
    const { rig, upstream } = await provide()
    const headers = ['content-encoding', 'odd']
    expect((await ask(rig, { path: '/v1/messages/count_tokens', body: 'x', headers })).status).toBe(200)
    expect(await upstream.seen[0]?.body).toBe('x')
  })
})
