import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { anthropicStream, openaiStream } from '../fakes/event-streams.ts'
import {
  answerSmall,
  leadingTo,
  type MeteredUpstream,
  startProviderUpstream,
  startScriptedUpstream,
} from '../fakes/metered-upstream.ts'
import { ask, keepAliveAgent, metered, open, openaiHost, readAnswer, startRequest } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'
import { split } from '../fakes/split.ts'

const perTest = new AsyncDisposableStack()
let stack = perTest
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const { bugs } of rigs.splice(0)) expect(bugs).toEqual([])
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function through(
  upstream: Parameters<typeof leadingTo>[0] & AsyncDisposable,
  options: Partial<ProxyRigOptions> = {},
) {
  stack.use(upstream)
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), ...options }))
  rigs.push(rig)
  return rig
}

async function provide(
  onRequest?: Parameters<typeof startProviderUpstream>[0],
  options?: Partial<ProxyRigOptions>,
): Promise<{ readonly upstream: MeteredUpstream; readonly rig: ProxyRig }> {
  const upstream = await startProviderUpstream(onRequest)
  return { upstream, rig: await through(upstream, options) }
}

/** Writes a stream in exactly these chunks, each in a turn of its own. */
async function writeChunks(response: ServerResponse, chunks: readonly Buffer[]): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  for (const chunk of chunks) {
    response.write(chunk)
    await setImmediate()
  }
  response.end()
}

describe('the bytes of an answer', () => {
  const anthropic = Buffer.from(
    anthropicStream({ deltas: ['Gr\u00fc\u00dfe ', '\u{1f41d}\u{1f41d}', ' "usage":{"output_tokens":9}'] }).join(''),
  )
  const openai = Buffer.from(
    openaiStream({ deltas: ['a', '\u4f60\u597d', 'c'] })
      .join('')
      .replaceAll('\n', '\r\n'),
  )

  it.each([1, 2, 3, 7, 64])(
    'are those of the upstream, written in chunks of %i, and so is the charge (I4, M16)',
    async (size) => {
      const { rig } = await provide((request, response) => {
        request.resume()
        void writeChunks(response, split(request.url === '/v1/messages' ? anthropic : openai, [size]))
      })
      expect((await ask(rig)).body).toEqual(anthropic)
      expect((await ask(rig, { host: openaiHost, path: '/v1/responses' })).body).toEqual(openai)
      await rig.settled(2)
      expect(rig.settlements.map(({ chargeTokens, source }) => [chargeTokens, source])).toEqual([
        [13, 'authoritative'],
        [13, 'authoritative'],
      ])
    },
  )

  it('are those of the upstream at any split (I4)', async () => {
    let chunks: readonly Buffer[] = []
    const { rig } = await provide((request, response) => {
      request.resume()
      void writeChunks(response, chunks)
    })
    let asked = 0
    using agent = keepAliveAgent()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 12 }), async (sizes) => {
        chunks = split(anthropic, sizes)
        expect((await ask(rig, { agent })).body).toEqual(anthropic)
        asked += 1
        await rig.settled(asked)
        expect(rig.settlements.at(-1)).toMatchObject({ chargeTokens: 13, source: 'authoritative' })
      }),
      { numRuns: 40 },
    )
  })

  it('come with status, reason, repeated fields and odd spelling of the upstream', async () => {
    const upstream = await startScriptedUpstream((socket) => {
      socket.write(
        'HTTP/1.1 299 Quite Odd\r\nX-Odd-CASE: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 2\r\n\r\nok',
      )
    })
    const rig = await through(upstream)
    const answer = await ask(rig)
    expect(answer).toMatchObject({ status: 299, reason: 'Quite Odd', isWhole: true })
    expect(answer.body.toString()).toBe('ok')
    expect(answer.rawHeaders.slice(0, 8)).toEqual([
      ...['X-Odd-CASE', '1', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'content-length', '2'],
    ])
  })

  it('are chunked for the client where the upstream ends its answer by closing, and its trailers stay behind', async () => {
    let ending = 'by closing'
    const upstream = await startScriptedUpstream((socket) => {
      if (ending === 'by closing') socket.end('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nall of it')
      else
        socket.write(
          'HTTP/1.1 200 OK\r\ntrailer: x-secret\r\ntransfer-encoding: chunked\r\n\r\n9;a=b\r\nall of it\r\n0\r\nx-secret: 1\r\n\r\n',
        )
    })
    const rig = await through(upstream)
    for (ending of ['by closing', 'by chunks']) {
      const response = await open(rig, { method: 'GET', path: '/v1/models' })
      const answer = await readAnswer(response)
      expect(answer.body.toString()).toBe('all of it')
      expect(answer.isWhole).toBe(true)
      expect(answer.headers).toMatchObject({ 'transfer-encoding': 'chunked' })
      expect(response.trailers).toEqual({})
      expect(answer.headers.trailer).toBeUndefined()
    }
  })

  it.each([
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['304', 'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n', 304],
    [
      'an early hint before it',
      'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      200,
    ],
    ['an unasked 100 before it', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 200],
    ['length 0', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 200],
  ])('may be none: an answer with %s, on kept connections', async (_, bytes, status) => {
    const upstream = await startScriptedUpstream((socket) => {
      socket.write(bytes)
      socket.once('data', () => socket.write(bytes))
    })
    const rig = await through(upstream)
    using agent = keepAliveAgent()
    for (let round = 0; round < 2; round += 1) {
      const answer = await ask(rig, { method: 'GET', path: '/v1/models', agent })
      expect(answer).toMatchObject({ status, isWhole: true })
      expect(answer.body).toHaveLength(0)
    }
    expect(upstream.connectionCount).toBe(1)
  })

  it('are none for HEAD, with the length that GET would have', async () => {
    const { rig } = await provide((_, response) => response.writeHead(200, { 'content-length': '12345' }).end())
    using agent = keepAliveAgent()
    for (let round = 0; round < 2; round += 1) {
      const answer = await ask(rig, { method: 'HEAD', path: '/api/hello', agent })
      expect(answer).toMatchObject({ status: 200, isWhole: true })
      expect(answer.headers['content-length']).toBe('12345')
    }
  })

  it.each([301, 302, 307, 308])('are a redirect %i to a denied host: passed, never followed (H07)', async (status) => {
    const { rig, upstream } = await provide((_, response) =>
      response.writeHead(status, { location: 'https://evil.test/v1/messages' }).end('moved'),
    )
    const answer = await ask(rig)
    expect(answer.status).toBe(status)
    expect(answer.headers.location).toBe('https://evil.test/v1/messages')
    expect(upstream.connectionCount).toBe(1)
    await rig.settled(1)
    expect(rig.settlements[0]).toMatchObject({ chargeTokens: 0 })
  })
})

describe('credentials', () => {
  it('of the client are dropped and the real one is put in, in every spelling and place (C01, H10)', async () => {
    const { rig, upstream } = await provide()
    const spellings = [
      'X-Api-Key',
      'x_api_key',
      'Authorization',
      'AUTHORIZATION',
      'Proxy_Authorization',
      'Cookie',
      'api_key',
    ]
    await ask(rig, {
      path: '/v1/messages?beta=true&api_key=mine&k%65y=mine',
      headers: [...spellings.flatMap((name) => [name, 'mine']), 'connection', 'x-api-key, close'],
    })
    const [request] = upstream.seen
    expect(request?.line).toBe('POST /v1/messages?beta=true')
    expect(request?.rawHeaders.join('\n')).not.toContain('mine')
    expect(request?.rawHeaders.filter((value) => value.includes('real-'))).toEqual(['real-claude-key'])
  })

  it('of one provider never reach the host of another (C02)', async () => {
    const { rig, upstream } = await provide()
    for (const key of ['real-claude-key', 'bot-bottle-placeholder-the-proxy-adds-the-real-key', 'sk-ant-mine']) {
      await ask(rig, {
        host: openaiHost,
        path: '/v1/responses',
        headers: ['x-api-key', key, 'authorization', `Bearer ${key}`],
      })
    }
    expect(upstream.seen).toHaveLength(3)
    for (const { rawHeaders } of upstream.seen) {
      expect(rawHeaders.filter((value) => /real-|sk-|placeholder/.test(value))).toEqual(['Bearer real-codex-key'])
    }
  })

  it('that the upstream echoes in its head are scrubbed (C03)', async () => {
    const upstream = await startScriptedUpstream((socket) =>
      socket.end(
        'HTTP/1.1 401 Bad key real-claude-key\r\nlocation: https://a.test/?k=real-claude-key\r\nx-echo: real-claude-key\r\ncontent-length: 0\r\n\r\n',
      ),
    )
    const answer = await ask(await through(upstream))
    expect(answer.status).toBe(401)
    expect(answer.reason + answer.rawHeaders.join('')).not.toContain('real-claude-key')
    expect(answer.headers['x-echo']).toContain('placeholder')
  })

  it('that are missing at run time refuse the request with the cause, and nothing is dialled or charged (C06)', async () => {
    const { BottleError } = await import('../../src/core/errors.ts')
    const { rig, upstream } = await provide(undefined, {
      credentialOf: () => {
        throw new BottleError('credential_missing', 'no credential for provider claude', {
          hint: 'Set ANTHROPIC_API_KEY.',
        })
      },
    })
    for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
      const answer = await ask(rig, { path })
      expect(answer.status).toBe(502)
      expect(answer.body.toString()).toContain('no credential for provider claude (Set ANTHROPIC_API_KEY.)')
    }
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 0, source: 'unsent' }])
    expect(upstream.connectionCount).toBe(0)
  })
})

describe('what is charged', () => {
  it('a free endpoint passes unmetered: no reservation, no event', async () => {
    const { rig, upstream } = await provide()
    expect((await ask(rig, { path: '/v1/messages/count_tokens' })).status).toBe(200)
    expect((await ask(rig, { method: 'GET', path: '/v1/models' })).status).toBe(200)
    expect(upstream.requestCount).toBe(2)
    expect(rig.started).toEqual([])
    expect(await rig.ledger.events({ limit: 10 })).toEqual([])
  })

  it('an error of the provider costs nothing without usage, and what it says with usage (M20)', async () => {
    const answers = [
      { status: 529, body: { type: 'error', error: { type: 'overloaded_error' } } },
      { status: 400, body: { type: 'message', usage: { input_tokens: 4, output_tokens: 2 } } },
      { status: 200, body: { type: 'message' } },
    ]
    const { rig } = await provide((_, response) => {
      const answer = answers.shift()
      response
        .writeHead(answer?.status ?? 500, { 'content-type': 'application/json' })
        .end(JSON.stringify(answer?.body))
    })
    for (let count = 1; count <= 3; count += 1) {
      await ask(rig)
      await rig.settled(count)
    }
    const [without, withUsage, silent] = rig.settlements
    expect(without).toMatchObject({ chargeTokens: 0, source: 'unsent' })
    expect(withUsage?.chargeTokens).toBe(6)
    expect(silent?.source).toBe('estimated')
    expect(silent?.chargeTokens).toBeGreaterThan(10)
  })

  it('two equal requests are two attempts and two events (M23)', async () => {
    const { rig, upstream } = await provide()
    await Promise.all([ask(rig), ask(rig)])
    await rig.settled(2)
    const events = await rig.ledger.events({ limit: 10 })
    expect(events.map(({ chargeTokens }) => chargeTokens)).toEqual([10, 10])
    expect(new Set(events.map(({ attemptId }) => attemptId)).size).toBe(2)
    expect(upstream.requestCount).toBe(2)
  })

  it('a client that leaves right after the last event has a whole charge (M12)', async () => {
    const events = anthropicStream({ deltas: ['a', 'b'] })
    const gone = Promise.withResolvers<void>()
    const { rig } = await provide((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(events.join(''))
      response.once('close', gone.resolve)
    })
    const response = await open(rig)
    let text = ''
    for await (const chunk of response) {
      text += chunk
      if (text.includes('message_stop')) break
    }
    response.destroy()
    await Promise.all([gone.promise, rig.settled(1)])
    expect(rig.settlements).toMatchObject([{ chargeTokens: 12, source: 'authoritative', ending: 'client_gone' }])
  })

  it('a client that leaves in the middle ends the upstream, and is charged what was observed (M19)', async () => {
    const events = anthropicStream({ deltas: Array(40).fill('sixteen letters. ') })
    const gone = Promise.withResolvers<void>()
    const { rig } = await provide((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(events.slice(0, 22).join(''))
      response.once('close', gone.resolve)
    })
    const response = await open(rig)
    let deltas = 0
    for await (const chunk of response) {
      deltas += String(chunk).match(/content_block_delta"/g)?.length ?? 0
      if (deltas >= 20) break
    }
    response.destroy()
    await Promise.all([gone.promise, rig.settled(1)])
    const [settlement] = rig.settlements
    expect(settlement).toMatchObject({ source: 'partial', ending: 'client_gone' })
    expect(settlement?.chargeTokens).toBeGreaterThanOrEqual(10 + Math.floor((20 * 17) / 4))
  })

  it('a client that leaves before a document came ends the upstream, and is charged the input (M19)', async () => {
    const asked = Promise.withResolvers<ServerResponse>()
    const { rig } = await provide((request, response) => {
      request.resume()
      asked.resolve(response)
    })
    const body = metered({ stream: false })
    const request = startRequest(rig, { headers: ['content-length', String(body.length)] })
    request.end(body)
    const response = await asked.promise
    const gone = once(response, 'close')
    request.destroy()
    await Promise.all([gone, rig.settled(1)])
    expect(rig.settlements[0]).toMatchObject({ source: 'estimated', ending: 'client_gone' })
    expect(rig.settlements[0]?.chargeTokens).toBeGreaterThan(10)
  })
})

describe('a fast stream and a slow client', () => {
  it('are held together by back-pressure: the upstream waits, memory does not grow, no byte is lost (M24)', async () => {
    const block = Buffer.from(anthropicStream({ deltas: ['x'.repeat(64 * 1024)] })[2] ?? '')
    const blocks = 320
    const end = anthropicStream({ deltas: [] }).slice(-2).join('')
    let sentBlocks = 0
    const { rig } = await provide(async (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (; sentBlocks < blocks; sentBlocks += 1) {
        if (!response.write(block)) await once(response, 'drain')
      }
      response.end(end)
    })
    let receivedBytes = 0
    let mostUnderWay = 0
    for await (const chunk of await open(rig)) {
      mostUnderWay = Math.max(mostUnderWay, sentBlocks * block.length - receivedBytes)
      receivedBytes += chunk.length
      await setImmediate()
    }
    expect(receivedBytes).toBe(blocks * block.length + end.length)
    // What is under way is in sockets and buffers of fixed size, however long the stream.
    expect(mostUnderWay).toBeLessThan(blocks * block.length * 0.6)
    await rig.settled(1)
    expect(rig.settlements[0]?.ending).toBe('complete')
  })
})

it('answers many clients on kept connections without a warning of leaking listeners', async () => {
  const warnings: string[] = []
  const onWarning = ({ message }: Error) => warnings.push(message)
  process.on('warning', onWarning)
  const { rig, upstream } = await provide(answerSmall)
  const agents = Array.from({ length: 4 }, keepAliveAgent)
  await Promise.all(
    agents.map(async (agent) => {
      for (let round = 0; round < 25; round += 1) expect((await ask(rig, { agent })).isWhole).toBe(true)
      agent[Symbol.dispose]()
    }),
  )
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
  expect(upstream.requestCount).toBe(100)
  expect(upstream.connectionCount).toBeLessThanOrEqual(4)
  await rig.settled(100)
})
