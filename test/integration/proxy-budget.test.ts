import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { defaultWeights } from '../../src/core/budget/weights.ts'
import { chargeOf } from '../../src/core/metering/usage.ts'
import { anthropicStream, eventsOf, openaiStream } from '../fakes/event-streams.ts'
import { answerSmall, leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { ask, metered, open, openaiHost, readAnswer } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'

/** The waits of the product are seconds; these show the same in less. */
vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  return { ...limits, proxyLimits: { ...limits.proxyLimits, pendingWaitMs: 150, extendWaitMs: 150 } as never }
})

let stack = new AsyncDisposableStack()
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const rig of rigs.splice(0)) {
    await rig.settled(rig.started.length)
    expect(rig.bugs).toEqual([])
    expect(await rig.ledger.verify()).toEqual([])
    for (const { reservedTokens } of await rig.ledger.counters()) expect(reservedTokens).toBe(0)
  }
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(
  onRequest: Parameters<typeof startProviderUpstream>[0],
  options: Partial<ProxyRigOptions>,
): Promise<{ readonly upstream: MeteredUpstream; readonly rig: ProxyRig }> {
  const upstream = stack.use(await startProviderUpstream(onRequest))
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), ...options }))
  rigs.push(rig)
  return { upstream, rig }
}

const errorOf = (body: Buffer) => JSON.parse(body.toString()).error as { message: string; type: string; code?: string }
/** Input of the small request and a chunk of output: what one admitted request holds. */
const holdTokens = Math.ceil(metered({ stream: false }).length / 3.5) + 256

describe('requests at the same time', () => {
  it('are admitted exactly as far as there is room; the others wait, then may come again, and nothing is cut (L01, L03)', async () => {
    const held: ServerResponse[] = []
    const { rig, upstream } = await provide(
      (request, response) => {
        request.resume()
        held.push(response)
      },
      { budgets: { claude: 3 * holdTokens + 100 } },
    )
    const body = metered({ stream: false })
    const asking = Array.from({ length: 8 }, () => ask(rig, { body }))
    const refused = (await Promise.all(asking.map((one) => Promise.race([one, never(rig, 3)])))).filter(
      (one) => one !== undefined,
    )
    expect(refused).toHaveLength(5)
    for (const answer of refused) {
      expect(answer.status).toBe(429)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      expect(errorOf(answer.body).message).toContain('are held by requests in flight')
    }
    expect(upstream.requestCount).toBe(3)
    expect(rig.spent).toEqual([])
    for (const response of held)
      response.setHeader('content-type', 'application/json').end('{"usage":{"input_tokens":1,"output_tokens":1}}')
    const answers = await Promise.all(asking)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
    expect((await rig.counterOf('claude')).settledTokens).toBe(6)
  })

  it('pass as soon as room is settled back (L03)', async () => {
    const held: ServerResponse[] = []
    const { rig, upstream } = await provide(
      (request, response) => {
        request.resume()
        held.push(response)
        if (held.length > 1) answerSmall(request, response)
      },
      { budgets: { claude: holdTokens + 100 } },
    )
    const body = metered({ stream: false })
    const first = ask(rig, { body })
    await expect.poll(() => held.length).toBe(1)
    const second = ask(rig, { body })
    await setImmediate()
    expect(upstream.requestCount).toBe(1)
    held[0]?.setHeader('content-type', 'application/json').end('{"usage":{"input_tokens":1,"output_tokens":1}}')
    expect((await first).status).toBe(200)
    expect((await second).status).toBe(200)
    expect(rig.spent).toEqual([])
  })
})

/** Resolves with nothing once all but `count` of the requests were answered: those are held by the upstream. */
async function never(rig: ProxyRig, count: number): Promise<undefined> {
  await expect.poll(() => rig.proxy.openExchanges, { timeout: 5_000 }).toBe(count)
  await setImmediate()
  return undefined
}

const words = Array.from({ length: 400 }, (_, index) => `word number ${index} of a long answer, `)
const shapes = [
  {
    provider: 'claude',
    host: undefined,
    path: '/v1/messages',
    stream: anthropicStream({ deltas: words, inputTokens: 40 }),
  },
  {
    provider: 'codex',
    host: openaiHost,
    path: '/v1/responses',
    stream: openaiStream({ deltas: words, inputTokens: 40 }),
  },
] as const

describe.each(shapes)('a stream of $provider whose budget runs out', ({ provider, host, path, stream }) => {
  const whole = Buffer.from(stream.join(''))
  const target = { path, ...(host ? { host } : {}) }

  it('ends after a whole event with one error event, however the upstream splits it; what came is charged (E01)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 400, max: 2_500 }),
        fc.constantFrom('\n', '\r\n'),
        async (sizes, limitTokens, lineEnd) => {
          const bytes = Buffer.from(whole.toString().replaceAll('\n', lineEnd))
          const { rig, upstream } = await provide(
            async (request, response) => {
              request.resume()
              response.writeHead(200, { 'content-type': 'text/event-stream' })
              for (let at = 0, index = 0; at < bytes.length && !response.destroyed; index += 1) {
                const size = sizes[index % sizes.length] ?? 1
                response.write(bytes.subarray(at, at + size))
                at += size
                await setImmediate()
              }
              response.end()
            },
            { budgets: { [provider]: limitTokens } },
          )
          const answer = await ask(rig, target)
          expect(answer).toMatchObject({ status: 200, isWhole: true })
          const text = answer.body.toString()
          const errorAt = text.search(/\n\nevent: (error|response\.failed)\n/)
          expect(bytes.toString().startsWith(text.slice(0, errorAt))).toBe(true)
          const events = eventsOf(text)
          const { name, data } = events.at(-1) ?? { name: '', data: {} }
          expect(name).toBe(provider === 'claude' ? 'error' : 'response.failed')
          expect(JSON.stringify(data)).toContain(`bot-bottle: budget spent (run rig-1): `)
          expect(JSON.stringify(data)).toContain(`of ${limitTokens.toLocaleString('en-US')} ${provider} tokens used`)
          expect(events.filter((event) => event.name === name)).toHaveLength(1)
          await rig.settled(1)
          const [settlement] = rig.settlements
          expect(settlement).toMatchObject({ ending: 'cut', source: provider === 'claude' ? 'partial' : 'estimated' })
          const [event] = await rig.ledger.events({ limit: 1 })
          expect(event && chargeOf(event, defaultWeights)).toBe(settlement?.chargeTokens)
          // Within a chunk of the upstream's, and never less than what the client has.
          expect(settlement?.chargeTokens).toBeGreaterThanOrEqual(limitTokens)
          expect(settlement?.chargeTokens).toBeLessThan(limitTokens + 500)
          expect(upstream.requestCount).toBe(1)
          expect((await ask(rig, target)).status).toBe(provider === 'claude' ? 402 : 400)
          expect(upstream.requestCount).toBe(1)
        },
      ),
      { numRuns: 12 },
    )
  })

  it('is answered like that for every later call too, without one more attempt upstream (E02)', async () => {
    const { rig, upstream } = await provide(answerSmall, { budgets: { [provider]: 0 } })
    for (let call = 0; call < 5; call += 1) {
      const answer = await ask(rig, target)
      expect(answer.status).toBe(provider === 'claude' ? 402 : 400)
      expect(answer.headers).toMatchObject({ 'x-should-retry': 'false' })
      expect(answer.headers['retry-after']).toBeUndefined()
      expect(errorOf(answer.body).message).toContain(`0 of 0 ${provider} tokens used`)
    }
    expect(upstream.connectionCount).toBe(0)
    expect(rig.spent).toHaveLength(1)
  })
})

describe('the input that the provider reports takes the place of its estimate in mid-stream:', () => {
  const streaming = (inputTokens: number) => async (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of anthropicStream({ deltas: words, inputTokens, outputTokens: 3_000 })) {
      if (response.destroyed) return
      response.write(event)
      await setImmediate()
    }
    response.end()
  }
  const prompt = (length: number) => metered({ messages: [{ role: 'user', content: 'a word '.repeat(length) }] })

  it('a stream ends by itself where the estimate left no room for it', async () => {
    const { rig } = await provide(streaming(40), { budgets: { claude: 6_000 } })
    const answer = await ask(rig, { body: prompt(2_400) })
    expect(eventsOf(answer.body.toString()).at(-1)?.name).toBe('message_stop')
    await rig.settled(1)
    expect(rig.settlements[0]).toMatchObject({ chargeTokens: 3_040, source: 'authoritative' })
  })

  it('a stream is cut as soon as that leaves no room', async () => {
    const { rig } = await provide(streaming(5_990), { budgets: { claude: 6_000 } })
    const answer = await ask(rig, { body: prompt(4) })
    expect(eventsOf(answer.body.toString()).at(-1)?.name).toBe('error')
    await rig.settled(1)
    expect(rig.settlements[0]?.chargeTokens).toBeGreaterThanOrEqual(6_000)
    expect(rig.settlements[0]?.chargeTokens).toBeLessThan(6_100)
  })
})

it('a spent budget cuts both streams that share it, together never far beyond the limit (E01, E04)', async () => {
  const events = anthropicStream({ deltas: words, inputTokens: 40 })
  const { rig } = await provide(
    async (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of events) {
        if (response.destroyed) return
        response.write(event)
        await setImmediate()
      }
      response.end()
    },
    { budgets: { claude: 2_000 } },
  )
  const answers = await Promise.all([ask(rig), ask(rig)])
  for (const answer of answers) {
    expect(answer.isWhole).toBe(true)
    expect(eventsOf(answer.body.toString()).at(-1)?.name).toBe('error')
  }
  await rig.settled(2)
  expect((await rig.counterOf('claude')).settledTokens).toBeGreaterThanOrEqual(1_990)
  expect((await rig.counterOf('claude')).settledTokens).toBeLessThan(2_100)
  // Whether or not one of the two was asked to wait for the other: from here on the budget is spent.
  expect((await ask(rig)).status).toBe(402)
})

it('room that another request holds and does not use ends a stream, not the bottle (L03)', async () => {
  const documents: ServerResponse[] = []
  const events = anthropicStream({ deltas: words, inputTokens: 40 })
  const { rig } = await provide(
    async (request, response) => {
      request.resume()
      if (documents.length === 0) return void documents.push(response)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of events) {
        if (response.destroyed) return
        response.write(event)
        await setImmediate()
      }
    },
    { budgets: { claude: 1_500 } },
  )
  const document = ask(rig, { body: metered({ stream: false }) })
  await expect.poll(() => documents.length).toBe(1)
  const answer = await ask(rig)
  expect(answer.isWhole).toBe(true)
  expect(eventsOf(answer.body.toString()).at(-1)?.data).toMatchObject({ type: 'error' })
  expect(answer.body.toString()).toContain('are held by requests in flight')
  expect(rig.spent).toEqual([])
  documents[0]?.setHeader('content-type', 'application/json').end('{"usage":{"input_tokens":1,"output_tokens":1}}')
  expect((await document).status).toBe(200)
})

it('a document is not cut for what it costs, and is charged in full beyond the limit (L04)', async () => {
  const documents: ServerResponse[] = []
  const { rig } = await provide(
    (request, response) => {
      if (documents.length > 0) return answerSmall(request, response)
      documents.push(response)
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write(`{"content":[{"type":"text","text":"${'many words '.repeat(1_000)}"}],`)
    },
    { budgets: { claude: 1_000 } },
  )
  const document = await open(rig, { body: metered({ stream: false }) })
  await once(document, 'readable')
  // By its answer the ledger has answered whatever was asked for the document.
  expect((await ask(rig)).status).toBe(200)
  documents[0]?.end('"usage":{"input_tokens":5000,"output_tokens":5000}}')
  expect((await readAnswer(document)).isWhole).toBe(true)
  await rig.settled(2)
  expect((await rig.counterOf('claude')).settledTokens).toBe(10_010)
  expect((await ask(rig)).status).toBe(402)
})

it('a cut in the middle of an event waits a moment for its end, and an upstream that breaks then does not hang the client (E01)', async () => {
  const [start = ''] = anthropicStream({ deltas: [] })
  const written = Promise.withResolvers<void>()
  const { rig, upstream } = await provide(
    (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`${start}event: content_block_delta\ndata: {"type":"content_bl`, () => written.resolve())
    },
    { budgets: { claude: 10_000 } },
  )
  const response = await open(rig)
  const answer = readAnswer(response)
  await written.promise
  await expect.poll(() => response.readableDidRead).toBe(true)
  const cut = rig.proxy.cut('bot-bottle: enough')
  upstream.resetConnections()
  await cut
  const { body, isWhole } = await answer
  expect(isWhole).toBe(true)
  expect(body.toString()).toMatch(/\n\nevent: error\ndata: .*bot-bottle: enough.*\n\n$/)
})

it('a stream that announced its length cannot be given an error event: it is broken off (E01)', async () => {
  const [start = ''] = anthropicStream({ deltas: [] })
  const { rig } = await provide(
    (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-length': '5000' }).write(start)
    },
    { budgets: { claude: 10_000 } },
  )
  const response = await open(rig)
  const answer = readAnswer(response)
  await rig.proxy.cut('bot-bottle: enough')
  expect(await answer).toMatchObject({ isWhole: false })
})
