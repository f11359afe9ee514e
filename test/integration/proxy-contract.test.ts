/** What an exchange promises, over every version of HTTP that a client may speak. */
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { operatorCutMessage } from '../../src/core/budget/wording.ts'
import { anthropicStream, eventsOf } from '../fakes/event-streams.ts'
import { type HttpClient, protocols, read } from '../fakes/http-clients.ts'
import {
  answerSmall,
  leadingTo,
  type MeteredUpstream,
  providerHosts,
  startProviderUpstream,
  startScriptedUpstream,
} from '../fakes/metered-upstream.ts'
import { metered, openaiHost } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'

let stack = new AsyncDisposableStack()

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

const [start = '', ...rest] = anthropicStream({ deltas: ['a', 'b'] })
/** Of a plain route: bodies pass both ways as they come. */
const openHost = 'files.example.com'
const streamHead = { 'content-type': 'text/event-stream' }

async function expectAllSettled(rig: ProxyRig): Promise<void> {
  await until('every exchange is over', () => rig.proxy.openExchanges === 0)
  await rig.settled(rig.started.length)
  expect((await rig.counterOf('claude')).reservedTokens).toBe(0)
  expect(await rig.ledger.verify()).toEqual([])
  expect(rig.bugs).toEqual([])
}

describe.each(protocols)('$name', ({ connect }) => {
  interface Stage {
    readonly upstream: MeteredUpstream
    readonly rig: ProxyRig
    readonly client: HttpClient
  }

  async function provide(
    onRequest: (request: IncomingMessage, response: ServerResponse, body: Promise<string>) => unknown = answerSmall,
    budgets: Readonly<Record<string, number>> = { claude: 1_000_000_000 },
  ): Promise<Stage> {
    const upstream: MeteredUpstream = stack.use(
      await startProviderUpstream(
        async (request, response) => {
          const body = upstream.seen.at(-1)?.body ?? Promise.resolve('')
          await onRequest(request, response, body)
        },
        { names: [...providerHosts, openHost] },
      ),
    )
    const leading = leadingTo(upstream)
    const upstreams = new Map([...leading.upstreams, [openHost, new URL(`https://127.0.0.1:${upstream.port}`)]])
    const rig = stack.use(await openProxyRig({ ...leading, upstreams, budgets, routes: [{ host: openHost }] }))
    return { upstream, rig, client: stack.use(connect(rig)) }
  }

  it('passes a stream byte for byte, each event as it comes, and charges what the provider reported (I4, M01)', async () => {
    const events = anthropicStream({ deltas: ['one', 'two', 'three'] })
    const going = Promise.withResolvers<ServerResponse>()
    const { rig, client } = await provide((_, response) => {
      response.writeHead(200, streamHead).flushHeaders()
      going.resolve(response)
    })
    const answer = await client.open()
    expect(answer.status).toBe(200)
    const response = await going.promise
    let text = ''
    for (const event of events.slice(0, -1)) {
      response.write(event)
      const [chunk] = await once(answer.body, 'data')
      text += chunk
      expect(text.endsWith(event)).toBe(true)
    }
    const last = read(answer)
    response.end(events.at(-1))
    expect(text + (await last).text).toBe(events.join(''))
    expect((await last).isWhole).toBe(true)
    await expectAllSettled(rig)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 13, source: 'authoritative', ending: 'complete' }])
  })

  it('passes status, fields and bodies as they are, but for those of the connection', async () => {
    const upstream = stack.use(
      await startScriptedUpstream((socket) =>
        socket.write(
          'HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\nHTTP/1.1 299 Quite Odd\r\nX-Odd-CASE: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nkeep-alive: timeout=9\r\ncontent-length: 2\r\n\r\nok',
        ),
      ),
    )
    const rig = stack.use(await openProxyRig(leadingTo(upstream)))
    const client = stack.use(connect(rig))
    const { status, headers, text } = await client.ask({ method: 'GET', path: '/v1/models' })
    expect({ status, text }).toEqual({ status: 299, text: 'ok' })
    expect(headers).toMatchObject({ 'x-odd-case': '1', 'set-cookie': ['a=1', 'b=2'], 'content-length': '2' })
    expect(headers['keep-alive'] ?? '').not.toContain('timeout=9')
    expect(headers).not.toHaveProperty('date')
  })

  it.each([
    ['GET', 204],
    ['GET', 304],
    ['HEAD', 200],
  ])('answers %s %d without a body', async (method, statusCode) => {
    const { client } = await provide((_, response) => void response.writeHead(statusCode, { 'x-a': 'b' }).end())
    const path = method === 'HEAD' ? '/api/hello' : '/v1/models'
    const { status, headers, text, isWhole } = await client.ask({ method, path })
    expect({ status, text, isWhole }).toEqual({ status: statusCode, text: '', isWhole: true })
    expect(headers['x-a']).toBe('b')
  })

  it('serves 200 requests one after the other, and 64 at once, each with its own answer', async () => {
    const { rig, upstream, client } = await provide(async (_, response, body) => {
      const { prompt } = JSON.parse(await body)
      response.writeHead(200, streamHead).write(start)
      await setImmediate()
      response.end(`data: ${JSON.stringify({ type: 'ping', prompt })}\n\n${rest.join('')}`)
    })
    const asking = async (prompt: number) => {
      const { text, isWhole } = await client.ask({ body: metered({ prompt }) })
      expect(isWhole).toBe(true)
      expect(eventsOf(text)[1]?.data).toEqual({ type: 'ping', prompt })
    }
    for (let prompt = 0; prompt < 200; prompt += 1) await asking(prompt)
    const connections = await rig.openConnections()
    expect(connections).toBe(1)
    await Promise.all(Array.from({ length: 64 }, (_, index) => asking(1_000 + index)))
    expect(upstream.requestCount).toBe(264)
    await expectAllSettled(rig)
    expect(rig.settlements).toHaveLength(264)
    expect(rig.settlements.every(({ chargeTokens }) => chargeTokens === 12)).toBe(true)
  })

  it('takes two bodies at once, in pieces, and forwards each whole', async () => {
    const { rig, upstream, client } = await provide()
    const bodies = ['x', 'y'].map((letter) => metered({ padding: letter.repeat(3 * 1024 * 1024) }))
    const requests = bodies.map(() => client.start())
    const pieceBytes = 100_000
    // Never of no bytes: Node's client loses its place then.
    for (let at = 0; at < 3 * 1024 * 1024; at += pieceBytes) {
      for (const [index, request] of requests.entries()) request.write(bodies[index]?.slice(at, at + pieceBytes) ?? '')
      await setImmediate()
    }
    for (const request of requests) request.end()
    for (const { answer } of requests) expect((await read(await answer)).status).toBe(200)
    const arrived = await Promise.all(upstream.seen.map(({ body }) => body))
    expect(arrived.toSorted()).toEqual(bodies.toSorted())
    await expectAllSettled(rig)
  })

  it("ends a stream whose budget runs out with the provider's own error, and the upstream with it (E01)", async () => {
    const gone = Promise.withResolvers<void>()
    const { rig, client } = await provide(
      async (_, response) => {
        response.once('close', gone.resolve)
        response.writeHead(200, streamHead).write(start)
        const [, , delta = ''] = anthropicStream({ deltas: ['sixteen letters. '.repeat(20)] })
        while (!response.destroyed) {
          response.write(delta)
          await setImmediate()
        }
      },
      { claude: 1_000 },
    )
    const { text, isWhole } = await client.ask()
    expect(isWhole).toBe(true)
    const last = eventsOf(text).at(-1)
    expect(last?.name).toBe('error')
    expect(JSON.stringify(last?.data)).toContain('of 1,000')
    await gone.promise
    await until('it is settled', () => rig.settlements.length === 1)
    expect(rig.settlements).toMatchObject([{ ending: 'cut' }])
    using fresh = connect(rig)
    const again = await fresh.ask()
    expect(again.status).toBe(402)
    expect(again.text).toContain('billing_error')
  })

  it('after a cut ends streams with the error, breaks documents off, closes what was kept, and refuses for good (E03)', async () => {
    const answers: ServerResponse[] = []
    const { rig, upstream, client } = await provide((_, response) => {
      const isStream = upstream.requestCount <= 2
      response.writeHead(200, isStream ? streamHead : { 'content-type': 'application/json' })
      response.write(isStream ? (upstream.requestCount === 1 ? start : `${start}data: {"half`) : '{"half":')
      answers.push(response)
    })
    const opened = []
    for (let count = 0; count < 3; count += 1) {
      const answer = await client.open()
      opened.push(answer)
      if (answer.body.readableLength === 0) await once(answer.body, 'readable')
    }
    const uploading = client.start()
    uploading.write('{"model":')
    await until('the upload is under way', () => rig.proxy.openExchanges === 4)
    const reading = opened.map(read)
    await rig.proxy.cut(operatorCutMessage)
    const { receivedBytes } = upstream
    const [whole, half, document] = await Promise.all(reading)
    for (const stream of [whole, half]) {
      expect(stream?.isWhole).toBe(true)
      expect(stream?.text).toContain('event: error')
      expect(stream?.text).toContain(operatorCutMessage)
    }
    expect(document?.isWhole).toBe(false)
    expect((await uploading.answer).status).toBe(402)
    uploading.leave()
    await until('what was kept is closed', async () => (await rig.openConnections()) === 0)
    for (let call = 0; call < 3; call += 1) expect((await client.ask()).status).toBe(402)
    expect(upstream.receivedBytes - receivedBytes).toBeLessThan(3 * 64)
    expect(upstream.requestCount).toBe(3)
    rig.proxy.reopen()
    const again = await client.open({ host: openaiHost, method: 'GET', path: '/v1/models' })
    expect(again.status).toBe(200)
    again.leave()
    await expectAllSettled(rig)
  })

  it('a client that leaves, at any phase, ends the upstream, is charged, and leaves nothing behind (H14, M19)', async () => {
    const asked: ServerResponse[] = []
    const { rig, upstream, client } = await provide((_, response) => {
      asked.push(response)
    })
    const body = metered()
    const untilAsked = (before: number) => until('it is asked', () => asked.length > before)
    const phases: readonly (() => Promise<void>)[] = [
      async () => client.start().leave(),
      async () => {
        const request = client.start()
        request.write(body.slice(0, 20))
        await until('the upload is under way', () => rig.proxy.openExchanges === 1)
        request.leave()
      },
      async () => {
        const request = client.start()
        request.end(body)
        request.leave()
      },
      async () => {
        const before = asked.length
        const request = client.start()
        request.end(body)
        await untilAsked(before)
        request.leave()
      },
      async () => {
        const before = asked.length
        const opening = client.open()
        await untilAsked(before)
        asked.at(-1)?.writeHead(200, streamHead).write(`${start}data: {"half`)
        const answer = await opening
        await once(answer.body, 'data')
        answer.leave()
      },
    ]
    for (let round = 0; round < 3; round += 1) {
      for (const phase of phases) {
        await phase()
        await until('the exchange is over', () => rig.proxy.openExchanges === 0)
      }
    }
    await until('the upstream is left', () => upstream.openConnectionCount === 0)
    expect(rig.settlements.filter(({ ending }) => ending === 'client_gone').length).toBeGreaterThanOrEqual(6)
    expect(
      rig.settlements.filter(({ ending, chargeTokens }) => ending === 'client_gone' && chargeTokens === 0),
    ).toEqual([])
    await expectAllSettled(rig)
    asked.length = 0
  })

  it('a stream that is not read holds up neither the others nor the memory, and loses no byte (M24)', async () => {
    const block = Buffer.from(anthropicStream({ deltas: ['x'.repeat(64 * 1024)] })[2] ?? '')
    const blocks = 400
    let sentBlocks = 0
    const { rig, client } = await provide(async (request, response, body) => {
      if (!(await body).includes('long')) return answerSmall(request, response)
      response.writeHead(200, streamHead)
      for (; sentBlocks < blocks; sentBlocks += 1) {
        if (!response.write(block)) await once(response, 'drain')
      }
      response.end(rest.slice(-2).join(''))
    })
    const slow = await client.open({ body: metered({ prompt: 'long' }) })
    const looks: number[] = []
    await until('every pipe in between is full', () => {
      looks.push(sentBlocks)
      return sentBlocks > 0 && looks.at(-20) === sentBlocks
    })
    expect(sentBlocks).toBeLessThan(blocks / 2)
    for (let round = 0; round < 20; round += 1) expect((await client.ask()).isWhole).toBe(true)
    const { text, isWhole } = await read(slow)
    expect(isWhole).toBe(true)
    expect(text.length).toBe(blocks * block.length + rest.slice(-2).join('').length)
    await expectAllSettled(rig)
  })

  it('a refusal is read whole by a client that still sends a large body (E02)', async () => {
    const { client, upstream } = await provide()
    const body = metered({ padding: 'x'.repeat(3 * 1024 * 1024) })
    for (let round = 0; round < 5; round += 1) {
      expect(await client.ask({ path: '/v1/files', body })).toMatchObject({ status: 403, isWhole: true })
    }
    expect(upstream.requestCount).toBe(0)
  })

  it('an answer that breaks off upstream breaks off at the client, and what was seen is charged (H14, M07)', async () => {
    const { rig, upstream, client } = await provide((_, response) => {
      response.writeHead(200, streamHead).write(start + rest.slice(0, 2).join(''), () => upstream.resetConnections())
    })
    const answer = await client.ask()
    expect(answer.isWhole).toBe(false)
    expect((start + rest.slice(0, 2).join('')).startsWith(answer.text)).toBe(true)
    await expectAllSettled(rig)
    expect(rig.settlements).toMatchObject([{ ending: 'upstream_reset', source: 'partial' }])
  })

  it('an upload on a route passes as it comes, beside others, and is broken off upstream when its client breaks it off (H08, H14)', async () => {
    const started = Promise.withResolvers<IncomingMessage>()
    const { rig, upstream, client } = await provide(async (request, response, body) => {
      if (request.url === '/slow') return started.resolve(request)
      await body
      answerSmall(request, response)
    })
    const chunk = Buffer.alloc(256 * 1024, 'x')
    const upload = client.start({ host: openHost, method: 'PUT', path: '/slow' })
    upload.write(chunk)
    const arriving = await started.promise
    for (let count = 0; count < 20; count += 1) upload.write(chunk)
    for (let round = 0; round < 10; round += 1) {
      expect((await client.ask({ host: openHost, method: 'GET', path: '/quick' })).status).toBe(200)
    }
    const broken = new Promise((resolve) => arriving.once('close', resolve))
    upload.leave()
    await broken
    expect(arriving.complete).toBe(false)
    await until('the upload is over', () => rig.proxy.openExchanges === 0)
    expect(await upstream.seen[0]?.body).toBe('broken')

    const whole = client.start({ host: openHost, method: 'PUT', path: '/whole' })
    for (let count = 0; count < 20; count += 1) whole.write(chunk)
    whole.end()
    expect((await read(await whole.answer)).status).toBe(200)
    expect((await upstream.seen.at(-1)?.body)?.length).toBe(20 * chunk.length)
  })

  it('an upload on a route that is answered before its end leaves the client with that answer', async () => {
    const { rig, client } = await provide((_, response) => response.writeHead(413).end('too large'))
    const upload = client.start({ host: openHost, method: 'PUT', path: '/big' })
    for (let count = 0; count < 20; count += 1) upload.write(Buffer.alloc(256 * 1024))
    expect(await read(await upload.answer)).toMatchObject({ status: 413, text: 'too large', isWhole: true })
    upload.leave()
    await until('the upload is over', () => rig.proxy.openExchanges === 0)
    expect((await client.ask({ host: openHost, method: 'GET', path: '/quick' })).status).toBe(413)
  })

  it('200 rounds of clients that leave keep no file descriptor and no connection (H14)', async () => {
    const asked: ServerResponse[] = []
    const { rig, upstream } = await provide((_, response) => {
      asked.push(response)
      response.writeHead(200, streamHead).write(start)
    })
    const round = async (index: number) => {
      using client = connect(rig)
      const answer = await client.open()
      await once(answer.body, 'data')
      if (index % 2 === 0) answer.leave()
    }
    const descriptors = async () => (await readdir('/proc/self/fd')).length
    const settled = async () => {
      await until('every connection is closed', async () => (await rig.openConnections()) === 0)
      await until('the upstream is left', () => upstream.openConnectionCount === 0)
      asked.length = 0
    }
    for (let index = 0; index < 10; index += 1) await round(index)
    await settled()
    const before = await descriptors()
    for (let index = 0; index < 200; index += 1) await round(index)
    await settled()
    expect(await descriptors()).toBeLessThanOrEqual(before)
    await expectAllSettled(rig)
  })
})
