/** HTTP/2 from a client, frame by frame: what is malformed, what costs too much, and what a cut says. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { operatorCutMessage } from '../../src/core/budget/wording.ts'
import { proxyLimits } from '../../src/proxy/limits.ts'
import { anthropicStream } from '../fakes/event-streams.ts'
import { openHttp2Session } from '../fakes/http-clients.ts'
import {
  dataFrame,
  dialHttp2,
  errorCodes,
  type Fields,
  fieldSection,
  flags,
  frame,
  frameTypes,
  getFields,
  headersFrame,
  meteredRequest,
  preface,
  type RawHttp2,
  requestFields,
  resetFrame,
  uint32,
} from '../fakes/http2-frames.ts'
import { leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { anthropicHost, dial, dialTls, dialTunnel, metered, openaiHost, readToClose } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'

let upstream: MeteredUpstream
let rig: ProxyRig
let seenBefore = 0
let connectionsBefore = 0

beforeAll(async () => {
  upstream = await startProviderUpstream()
  rig = await openProxyRig({ ...leadingTo(upstream), budgets: { claude: 1_000_000_000 } })
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
afterEach(async () => {
  await until('every exchange is over', () => rig.proxy.openExchanges === 0)
  await until('every connection is closed', async () => (await rig.openConnections()) === 0)
  expect(rig.bugs).toEqual([])
  seenBefore = upstream.requestCount
  connectionsBefore = upstream.connectionCount
})

const reached = () => upstream.seen.slice(seenBefore)
function expectNothingDialled(): void {
  expect(reached()).toEqual([])
  expect(upstream.connectionCount).toBe(connectionsBefore)
}

/** A session that is gone with the test. */
async function opened(servername?: string): Promise<RawHttp2 & Disposable> {
  const raw = await dialHttp2(rig, servername)
  return Object.assign(raw, { [Symbol.dispose]: () => void raw.socket.destroy() })
}

const body = metered({ stream: false })
const replaced = (name: string, value: string | undefined): Fields =>
  requestFields.flatMap(([own, text]) => (own === name ? (value === undefined ? [] : [[own, value]]) : [[own, text]]))
const withField = (name: string, value: string): Fields => [...requestFields, [name, value]]
const post = (fields: Fields) => [headersFrame(1, fields, false), dataFrame(1, body)]
const messageOf = (raw: RawHttp2, stream = 1) => JSON.parse(raw.textOf(stream)).error.message as string

describe('the name of an HTTP/2 request', () => {
  it.each([
    ['another allowed host', openaiHost, /was opened for api\.anthropic\.com/],
    ['a denied host', 'evil.test', /was opened for/],
    ['user info', `user@${anthropicHost}`, /not a name/],
    ['a port that is not open', `${anthropicHost}:8443`, /only port 443/],
    ['an address', '127.0.0.1', /addresses are not allowed/],
    ['an IPv6 address', '[::1]', /addresses are not allowed/],
    ['a decimal address', '2130706433', /addresses are not allowed/],
    ['a percent sign', 'api%2eanthropic.com', /not a name/],
    ['nothing', '', /not a name/],
  ])('is not %s through TLS for an allowed one: no coalescing (H01, H02, H03)', async (_, authority, why) => {
    using raw = await opened()
    raw.send(...post(replaced(':authority', authority)))
    await raw.ended(1)
    if (raw.resetOf(1) === undefined) expect(messageOf(raw)).toMatch(why)
    expectNothingDialled()
  })

  it.each([
    [
      'a Host field and no authority',
      [...replaced(':authority', undefined), ['host', anthropicHost]],
      /needs an :authority/,
    ],
    ['a Host field of another host', withField('host', 'evil.test'), /not the :authority/],
    ['a Host field of another allowed host', withField('host', openaiHost), /not the :authority/],
    ['the scheme http', replaced(':scheme', 'http'), /https/],
    ['TRACE', replaced(':method', 'TRACE'), /TRACE/],
  ] as const)('refuses %s (H01, H11)', async (_, fields, why) => {
    using raw = await opened()
    raw.send(...post(fields))
    await raw.ended(1)
    expect(messageOf(raw)).toMatch(why)
    expectNothingDialled()
  })

  it('takes a Host field that says the same, in any spelling (H03)', async () => {
    for (const host of [anthropicHost, `${anthropicHost}:443`, 'API.Anthropic.COM.']) {
      using raw = await opened()
      raw.send(...post([...replaced(':authority', host), ['host', anthropicHost]]))
      await raw.ended(1)
      expect(raw.textOf(1)).toContain('input_tokens')
    }
    expect(reached().map(({ rawHeaders }) => rawHeaders.slice(0, 2))).toEqual(Array(3).fill(['host', anthropicHost]))
  })

  it('refuses a CONNECT on a stream, and does not offer the extended one (H11)', async () => {
    using raw = await opened()
    raw.send(
      headersFrame(
        1,
        [
          [':method', 'CONNECT'],
          [':authority', `${anthropicHost}:443`],
        ],
        false,
      ),
      headersFrame(3, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...getFields.slice(1)], false),
    )
    await until('it is answered', () => raw.textOf(1).includes('CONNECT'))
    await raw.ended(3)
    expect(raw.resetOf(3)).toBe(errorCodes.protocol)
    const settings = raw.frames.find(({ type }) => type === frameTypes.settings)?.payload ?? Buffer.alloc(0)
    const offered = Array.from({ length: settings.length / 6 }, (_, index) => settings.readUIntBE(index * 6, 6))
    expect(offered).not.toContain(0x0008_0000_0001)
    expectNothingDialled()
  })

  it('does not speak HTTP/2 without TLS, nor by upgrade, nor in TLS whose ALPN did not say so (H11)', async () => {
    const sockets = [
      await dial(rig.ports.http),
      await dial(rig.ports.proxy),
      await dialTunnel(rig, `${anthropicHost}:80`),
      await dialTls(rig),
    ]
    for (const socket of sockets) {
      const answer = readToClose(socket)
      socket.write(Buffer.concat([preface, frame(frameTypes.settings), meteredRequest(1)]))
      expect(await answer).toMatch(/^(?:HTTP\/1\.1 (?:4|5)\d\d |$)/)
    }
    expectNothingDialled()
  })

  it('passes through the explicit proxy like through the transparent port (H01)', async () => {
    const socket = connectTls({
      socket: await dialTunnel(rig, `${anthropicHost}:443`),
      servername: anthropicHost,
      ca: rig.caCertificate,
      ALPNProtocols: ['h2'],
    })
    await once(socket, 'secureConnect')
    expect(socket.alpnProtocol).toBe('h2')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    socket.write(Buffer.concat([preface, frame(frameTypes.settings), meteredRequest(1, body)]))
    await until('it is answered', () => received.includes('input_tokens'))
    socket.destroy()
  })
})

describe('a malformed HTTP/2 request', () => {
  it.each([
    ['no authority and no Host', replaced(':authority', undefined)],
    ['no path', replaced(':path', undefined)],
    ['no scheme', replaced(':scheme', undefined)],
    ['no method', replaced(':method', undefined)],
    ['an authority twice', [[':authority', anthropicHost], ...requestFields]],
    ['a pseudo field that is late', withField(':authority', anthropicHost)],
    ['an unknown pseudo field', [[':status', '200'], ...requestFields]],
    ['two Host fields', [...withField('host', anthropicHost), ['host', anthropicHost]]],
    ['Connection', withField('connection', 'close')],
    ['Keep-Alive', withField('keep-alive', 'timeout=5')],
    ['Proxy-Connection', withField('proxy-connection', 'close')],
    ['Transfer-Encoding', withField('transfer-encoding', 'chunked')],
    ['Upgrade', withField('upgrade', 'h2c')],
    ['a TE that is not trailers', withField('te', 'gzip')],
    ['an upper-case name', withField('X-Upper', 'a')],
    ['a length that is too long', withField('content-length', String(body.length + 1))],
    ['a length that is too short', withField('content-length', '3')],
    ['a length twice', [...withField('content-length', String(body.length)), ['content-length', String(body.length)]]],
    ['a signed length', withField('content-length', `+${body.length}`)],
    [
      'more fields than the limit',
      [...requestFields, ...Array.from({ length: 128 }, (_, i) => [`x-${i}`, 'a'] as const)],
    ],
  ] as const)('with %s is reset, and nothing is dialled (H08, H10)', async (_, fields) => {
    using raw = await opened()
    raw.send(...post(fields))
    await until('it is reset', () => raw.resetOf(1) !== undefined || raw.goawayCode !== undefined)
    expect(raw.textOf(1)).toBe('')
    expectNothingDialled()
  })

  it.each([
    ['GET', getFields, 'abc'],
    ['GET that only says so', getFields, ''],
    ['DELETE', [[':method', 'DELETE'], ...getFields.slice(1)], 'abc'],
  ] as const)('with a body of %s is refused (H09)', async (_, fields, data) => {
    using raw = await opened()
    raw.send(headersFrame(1, fields, false), dataFrame(1, data))
    await raw.ended(1)
    expect(messageOf(raw)).toMatch(/has no body here/)
    expectNothingDialled()
  })

  it('loses fields that no field may look like, and its trailers, before anything is forwarded (H08, H10)', async () => {
    using raw = await opened()
    const odd: Fields = [
      ['x-split', 'a\r\nx-injected: b'],
      ['x nul', 'a'],
      ['x-control', 'a\x01'],
      ['x-space', ' a '],
      ['x-good', 'kept'],
      ['proxy_authorization', 'Basic x'],
      ['authorization', 'Bearer own'],
      ['te', 'trailers'],
      ['http2-settings', 'AAMAAABk'],
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
    ]
    raw.send(
      headersFrame(1, [...requestFields, ...odd], false),
      dataFrame(1, body, false),
      headersFrame(1, [
        ['x-trailer', '1'],
        ['authorization', 'Bearer late'],
      ]),
    )
    await raw.ended(1)
    const names = reached()[0]
      ?.rawHeaders.filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase())
    expect(names?.toSorted()).toEqual([
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
      'x-api-key',
      'x-good',
    ])
    expect(await reached()[0]?.body).toBe(body)
  })

  it('whose upload is reset is not taken for a whole one, whatever the code (H08)', async () => {
    for (const code of [errorCodes.none, errorCodes.cancel]) {
      using raw = await opened()
      raw.send(headersFrame(1, requestFields, false), dataFrame(1, body, false), resetFrame(1, code))
      raw.send(headersFrame(3, getFields))
      await raw.ended(3)
    }
    expect(reached().map(({ line }) => line)).toEqual(['GET /v1/models', 'GET /v1/models'])
  })

  it.each([
    ['data on a stream that was never opened', [dataFrame(5, 'abc')]],
    [
      'a promise of a client',
      [frame(frameTypes.pushPromise, { stream: 1, flags: flags.endHeaders, payload: uint32(2) })],
    ],
    ['an even stream', [headersFrame(2, getFields)]],
    [
      'a frame in the middle of a head',
      [frame(frameTypes.headers, { stream: 1, payload: fieldSection(getFields) }), dataFrame(1, '')],
    ],
    [
      'a field section that is no HPACK',
      [
        frame(frameTypes.headers, {
          stream: 1,
          flags: flags.endHeaders,
          payload: Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]),
        }),
      ],
    ],
    ['a frame beyond the announced size', [frame(frameTypes.data, { stream: 1, payload: Buffer.alloc(20_000) })]],
    ['settings of an odd size', [frame(frameTypes.settings, { payload: Buffer.alloc(5) })]],
  ])('%s ends the session (H08)', async (_, frames) => {
    using raw = await opened()
    raw.send(...frames)
    await raw.closed()
    expectNothingDialled()
  })
})

describe('an HTTP/2 session that costs too much', () => {
  const times = (count: number, made: (index: number) => Buffer) =>
    Array.from({ length: count }, (_, index) => made(index))
  const oddStream = (index: number) => 2 * index + 1

  it.each([
    ['pings', times(300, () => frame(frameTypes.ping, { payload: Buffer.alloc(8) }))],
    ['settings', times(300, () => frame(frameTypes.settings))],
    [
      'requests that are reset at once (CVE-2023-44487)',
      times(3_000, (i) => Buffer.concat([meteredRequest(oddStream(i)), resetFrame(oddStream(i))])),
    ],
    [
      'requests that make us reset them (CVE-2025-8671)',
      times(3_000, (i) =>
        Buffer.concat([
          meteredRequest(oddStream(i)),
          frame(frameTypes.windowUpdate, { stream: oddStream(i), payload: uint32(0) }),
        ]),
      ),
    ],
    ['malformed requests', times(3_000, (i) => headersFrame(oddStream(i), withField('connection', 'close')))],
    [
      'continuations of a head (CVE-2024-27316)',
      [
        frame(frameTypes.headers, { stream: 1, payload: fieldSection(requestFields) }),
        ...times(100, () => frame(frameTypes.continuation, { stream: 1, payload: fieldSection([['x-a', 'b']]) })),
      ],
    ],
    [
      'empty data (CVE-2019-9518)',
      [headersFrame(1, requestFields, false), ...times(300, () => dataFrame(1, '', false))],
    ],
  ])('in %s is ended, and hardly any of it is dialled (H13)', async (_, frames) => {
    using raw = await opened()
    using other = await opened()
    raw.send(...frames)
    await raw.closed()
    expect(reached().length).toBeLessThan(proxyLimits.nuisanceBurst)
    other.send(headersFrame(1, getFields))
    await other.ended(1)
    expect(other.textOf(1)).toContain('input_tokens')
  })

  it('in streams at once has the rest refused, to be sent again (H13)', async () => {
    using raw = await opened()
    raw.send(
      ...times(proxyLimits.maxSessionStreams + 50, (index) => headersFrame(oddStream(index), requestFields, false)),
    )
    await raw.ended(oddStream(proxyLimits.maxSessionStreams + 49))
    expect(raw.resetOf(oddStream(proxyLimits.maxSessionStreams))).toBe(errorCodes.refused)
    expect(raw.resetOf(oddStream(proxyLimits.maxSessionStreams - 1))).toBeUndefined()
    expect(rig.proxy.openExchanges).toBe(proxyLimits.maxSessionStreams)
    expectNothingDialled()
  })

  it('in many sessions at once has the rest refused for the bottle (H13)', async () => {
    const sessions: RawHttp2[] = []
    for (let count = 0; count < proxyLimits.maxExchanges / proxyLimits.maxSessionStreams; count += 1) {
      const raw = await dialHttp2(rig)
      sessions.push(raw)
      raw.send(...times(proxyLimits.maxSessionStreams, (index) => headersFrame(oddStream(index), requestFields, false)))
    }
    const last = sessions.at(-1)
    await last?.ended(oddStream(proxyLimits.maxSessionStreams - 1))
    expect(last?.resetOf(oddStream(proxyLimits.maxSessionStreams - 1))).toBe(errorCodes.refused)
    expect(rig.proxy.openExchanges).toBe(proxyLimits.maxExchanges)
    for (const { socket } of sessions) socket.destroy()
    expectNothingDialled()
  })

  it('in one head is refused with 431, also where the client did not take our settings (H13)', async () => {
    using raw = await opened()
    const long = fieldSection([['x-long', 'a'.repeat(16_000)]])
    raw.send(
      frame(frameTypes.headers, { stream: 1, flags: flags.endStream, payload: fieldSection(getFields) }),
      ...times(4, () => frame(frameTypes.continuation, { stream: 1, payload: long })),
      frame(frameTypes.continuation, { stream: 1, flags: flags.endHeaders, payload: long }),
    )
    await raw.ended(1)
    expect(messageOf(raw)).toMatch(/too long/)
    expectNothingDialled()
  })

  it('in one body is refused with 413 before it is sent (H13)', async () => {
    using raw = await opened()
    raw.send(headersFrame(1, withField('content-length', String(proxyLimits.maxRequestBytes + 1)), false))
    await until('it is answered', () => raw.textOf(1) !== '')
    expect(messageOf(raw)).toMatch(/longer than/)
    expectNothingDialled()
  })

  it('by waiting is ended: without a request, in the middle of a head, after the last answer, in a body (H13)', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      using quiet = await opened()
      using halfHead = await opened()
      halfHead.send(frame(frameTypes.headers, { stream: 1, payload: fieldSection(requestFields) }))
      using answered = await opened()
      answered.send(headersFrame(1, getFields))
      await untilNow(() => answered.textOf(1).includes('input_tokens'))
      using uploading = await opened()
      uploading.send(headersFrame(1, requestFields, false), dataFrame(1, body, false))
      await untilNow(() => rig.proxy.openExchanges === 1)
      vi.advanceTimersByTime(proxyLimits.headTimeoutMs)
      await untilNow(() => quiet.isClosed)
      // Half a head is no request that a GOAWAY could wait for, and nothing that it could end.
      vi.advanceTimersByTime(proxyLimits.cutFlushMs)
      await untilNow(() => halfHead.isClosed)
      expect([answered.isClosed, uploading.isClosed]).toEqual([false, false])
      vi.advanceTimersByTime(proxyLimits.keepAliveTimeoutMs - proxyLimits.headTimeoutMs - proxyLimits.cutFlushMs)
      await untilNow(() => answered.isClosed)
      expect(answered.goawayCode).toBe(errorCodes.none)
      expect(uploading.isClosed).toBe(false)
      vi.advanceTimersByTime(proxyLimits.requestTimeoutMs)
      await untilNow(() => uploading.resetOf(1) !== undefined)
      vi.advanceTimersByTime(proxyLimits.keepAliveTimeoutMs)
      await untilNow(() => uploading.isClosed)
    } finally {
      vi.useRealTimers()
    }
    expect(reached().map(({ line }) => line)).toEqual(['GET /v1/models'])
  })
})

/** As `until`, by the event loop alone. */
async function untilNow(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200_000 && !isSo(); turn += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(isSo()).toBe(true)
}

describe('a cut of an HTTP/2 session', () => {
  const [start = ''] = anthropicStream({ deltas: [] })

  it('ends its streams with the error, says GOAWAY, lets nothing pass any more, and closes (E01, E03)', async () => {
    const streams: ServerResponse[] = []
    await using provider = await startProviderUpstream((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
      streams.push(response)
    })
    await using own = await openProxyRig({ ...leadingTo(provider), budgets: { claude: 1_000_000 } })
    const raw = await dialHttp2(own)
    raw.send(meteredRequest(1), meteredRequest(3))
    await until('both flow', () => raw.textOf(1) !== '' && raw.textOf(3) !== '')
    const cut = own.proxy.cut(operatorCutMessage)
    raw.send(meteredRequest(5))
    await cut
    const { requestCount } = provider
    await raw.closed()
    for (const stream of [1, 3]) {
      expect(raw.textOf(stream)).toContain('event: error')
      expect(raw.textOf(stream)).toContain(operatorCutMessage)
      expect(raw.resetOf(stream)).toBeUndefined()
    }
    expect(raw.goawayCode).toBe(errorCodes.none)
    expect(raw.textOf(5) === '' || raw.textOf(5).includes(operatorCutMessage)).toBe(true)
    expect(provider.requestCount).toBe(requestCount)
    const again = await dialHttp2(own)
    again.send(meteredRequest(1))
    await again.ended(1)
    expect(messageOf(again)).toBe(operatorCutMessage)
    again.socket.destroy()
    expect(provider.requestCount).toBe(2)
    expect(own.bugs).toEqual([])
  })

  it('is not held up by a client that neither reads nor closes (E03)', async () => {
    const block = `data: ${JSON.stringify({ type: 'ping', padding: 'x'.repeat(60_000) })}\n\n`
    await using provider = await startProviderUpstream((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
      for (let count = 0; count < 100; count += 1) response.write(block)
    })
    await using own = await openProxyRig({ ...leadingTo(provider), budgets: { claude: 1_000_000_000 } })
    const raw = await dialHttp2(own)
    raw.send(meteredRequest(1))
    await until('the window is full', () => raw.textOf(1).length >= 65_535)
    await own.proxy.cut(operatorCutMessage)
    expect(own.proxy.openExchanges).toBe(0)
    await until('the proxy gives the connection up', async () => (await own.openConnections()) === 0)
    raw.socket.destroy()
  })
})

describe('a client of Node', () => {
  it('serves requests one after the other on one session, whose ALPN chose HTTP/2', async () => {
    const session = openHttp2Session(rig)
    for (let round = 0; round < 30; round += 1) {
      const stream = session.request({ ':path': '/v1/models' })
      const [headers] = await once(stream, 'response')
      expect(headers[':status']).toBe(200)
      stream.resume()
      await once(stream, 'end')
    }
    expect(session.alpnProtocol).toBe('h2')
    expect(await rig.openConnections()).toBe(1)
    session.close()
    await once(session, 'close')
  })

  it('gets its 100 Continue from us, and the provider none of it', async () => {
    const session = openHttp2Session(rig)
    const stream = session.request({ ':method': 'POST', ':path': '/v1/messages', expect: '100-continue' })
    await once(stream, 'continue')
    stream.end(body)
    const [headers] = await once(stream, 'response')
    expect(headers[':status']).toBe(200)
    stream.resume()
    await once(stream, 'end')
    expect(reached()[0]?.rawHeaders.map((value) => value.toLowerCase())).not.toContain('expect')
    session.destroy()
  })
})
