import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { operatorCutMessage } from '../../src/core/budget/wording.ts'
import { leadingTo } from '../fakes/metered-upstream.ts'
import {
  anthropicHost,
  dial,
  dialTls,
  dialTunnel,
  exchangeRaw,
  openaiHost,
  readHead,
  readToClose,
  secure,
} from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'
import { create, openResponsesSocket, type ResponsesSocket, type SocketOptions } from '../fakes/responses-socket.ts'
import { type SocketUpstream, type SocketUpstreamOptions, startSocketUpstream } from '../fakes/socket-upstream.ts'
import { until } from '../fakes/until.ts'

/** The ceilings of the product are high; these show the same with less. */
vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  return { ...limits, proxyLimits: { ...limits.proxyLimits, webSocketOpenMs: 400, maxWebSockets: 3 } as never }
})

let stack = new AsyncDisposableStack()
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const { bugs } of rigs.splice(0)) expect(bugs).toEqual([])
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

interface Provided {
  readonly upstream: SocketUpstream
  readonly rig: ProxyRig
}

async function provide(
  options: SocketUpstreamOptions = {},
  rigOptions: Partial<ProxyRigOptions> = {},
): Promise<Provided> {
  const upstream = stack.use(await startSocketUpstream(options))
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), budgets: { codex: 100_000 }, ...rigOptions }))
  rigs.push(rig)
  return { upstream, rig }
}

async function open(rig: ProxyRig, options: Partial<SocketOptions> = {}): Promise<ResponsesSocket> {
  return stack.use(await openResponsesSocket({ port: rig.ports.tls, ca: rig.caCertificate, ...options }))
}

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const asks = [
  'connection: upgrade',
  'upgrade: websocket',
  `sec-websocket-key: ${key}`,
  'sec-websocket-version: 13',
] as const

function upgradeHead(lines: readonly string[] = asks, { host = openaiHost, path = '/v1/responses' } = {}): string {
  return `GET ${path} HTTP/1.1\r\n${[`host: ${host}`, ...lines].join('\r\n')}\r\n\r\n`
}

const statusOf = (answer: string) => Number(answer.split(' ')[1])

describe('a WebSocket', () => {
  it('is opened with the real credential, the fields of the client, and a handshake of our own (H15, I2)', async () => {
    const { rig, upstream } = await provide()
    const socket = await open(rig, {
      path: '/v1/responses?client=a%20b&api_key=stolen',
      headers: {
        authorization: 'Bearer placeholder',
        'openai-beta': 'responses_websockets=2026-02-06',
        'session-id': 'abc',
        cookie: 'a=b',
        sec_websocket_key: 'smuggled',
      },
      client: { perMessageDeflate: true },
    })
    const [{ url, headers, rawHeaders } = { url: '', headers: {}, rawHeaders: [] }] = upstream.upgrades
    expect(url).toBe('/v1/responses?client=a%20b')
    expect(headers).toMatchObject({
      host: openaiHost,
      authorization: 'Bearer real-codex-key',
      'openai-beta': 'responses_websockets=2026-02-06',
      'session-id': 'abc',
      'sec-websocket-version': '13',
    })
    expect(rawHeaders.join('\n')).not.toMatch(/placeholder|smuggled|cookie|permessage-deflate|sec-websocket-protocol/i)
    expect(socket.socket.extensions).toBe('')
    expect((await socket.turn(create())).at(-1)?.type).toBe('response.completed')
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 10, source: 'authoritative', ending: 'complete' }])
  })

  it('is accepted with what the provider says in its head, without the credential (I2)', async () => {
    const { rig } = await provide({
      onUpgrade: (socket, request) => {
        const { 'sec-websocket-key': asked = '' } = request.headers
        void import('node:crypto').then(({ createHash }) => {
          const accept = createHash('sha1').update(`${asked}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
          socket.write(
            `HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n` +
              'x-codex-turn-state: abc\r\nX-Models-Etag: "1"\r\nx-echo: Bearer real-codex-key\r\nalt-svc: h3\r\n\r\n',
          )
        })
      },
    })
    const { head } = await open(rig)
    expect(head.headers).toMatchObject({ 'x-codex-turn-state': 'abc', 'x-models-etag': '"1"' })
    expect(head.headers['alt-svc']).toBeUndefined()
    expect(JSON.stringify(head.rawHeaders)).not.toContain('real-codex-key')
  })

  it('comes through the explicit proxy as well', async () => {
    const { rig, upstream } = await provide()
    const socket = await secure(rig, await dialTunnel(rig, `${openaiHost}:443`), openaiHost)
    socket.write(upgradeHead())
    expect(statusOf(await readHead(socket))).toBe(101)
    expect(upstream.sockets).toHaveLength(1)
    socket.destroy()
  })

  it('is one of a few that a bottle may have; the next is told to use plain HTTP (H13)', async () => {
    const { rig, upstream } = await provide()
    const sockets = [await open(rig), await open(rig), await open(rig)]
    for (const socket of sockets) await socket.turn(create())
    expect(upstream.sockets).toHaveLength(3)
    await expect(open(rig)).rejects.toThrow('426')
    expect(rig.denials.at(-1)?.reason).toContain('3 WebSockets')
    sockets[0]?.socket.terminate()
    await until('its place is free', () => upstream.openConnectionCount === 2)
    await open(rig)
  })
})

describe('a request for a WebSocket is refused, and nothing is dialled:', () => {
  it.each([
    ['without a key', asks.filter((line) => !line.startsWith('sec-websocket-key')), 400],
    ['with two keys', [...asks, `sec-websocket-key: ${key}`], 400],
    ['with a key that is none', [...asks.slice(0, 2), 'sec-websocket-key: AAAA', asks[3]], 400],
    ['in an old version', [...asks.slice(0, 3), 'sec-websocket-version: 8'], 426],
    ['in two versions', [...asks, 'sec-websocket-version: 8'], 426],
    ['with a body', [...asks, 'content-length: 5'], 400],
    ['with a chunked body', [...asks, 'transfer-encoding: chunked'], 400],
    ['with two hosts', [...asks, `host: ${openaiHost}`], 400],
    ['for another host than TLS', asks, 421, { host: 'example.com' }],
    ['that Connection does not name', asks.slice(1), 426],
    ['to something else besides', ['connection: upgrade', 'upgrade: websocket, h2c', asks[2], asks[3]], 426],
    ['on a path of plain HTTP', asks, 426, { path: '/v1/models' }],
    ['on a path that nobody knows', asks, 426, { path: '/v1/realtime' }],
    ['on an odd path', asks, 400, { path: '/v1/../v1/responses' }],
  ] as readonly [string, readonly string[], number, Parameters<typeof upgradeHead>[1]?][])(
    '%s (H15)',
    async (_, lines, status, target) => {
      const { rig, upstream } = await provide()
      const answer = await exchangeRaw(rig, upgradeHead(lines, target), openaiHost)
      expect(statusOf(answer)).toBe(status)
      expect(answer).toContain('bot-bottle: ')
      expect(upstream.connectionCount).toBe(0)
      await until('the connection is closed', async () => (await rig.openConnections()) === 0)
    },
  )

  it('on a host that speaks none, or where WebSockets are switched off: 426, so that clients fall back at once (H15)', async () => {
    const { rig, upstream } = await provide()
    expect(statusOf(await exchangeRaw(rig, upgradeHead(asks, { host: anthropicHost })))).toBe(426)
    const off = await provide({}, { routes: [{ host: openaiHost, webSocket: false }] })
    await expect(open(off.rig)).rejects.toThrow('426')
    expect(off.upstream.connectionCount + upstream.connectionCount).toBe(0)
    expect(off.rig.denials).toMatchObject([{ method: 'GET', host: openaiHost, path: '/v1/responses' }])
  })

  it('without TLS, or to a host that no route allows (H15)', async () => {
    const { rig, upstream } = await provide()
    const plain = await dial(rig.ports.http)
    const answer = readToClose(plain)
    plain.write(upgradeHead())
    expect(statusOf(await answer)).toBe(403)
    const foreign = await exchangeRaw(rig, upgradeHead(asks, { host: 'example.com' }), 'example.com')
    expect(statusOf(foreign)).toBe(403)
    expect(upstream.connectionCount).toBe(0)
  })

  it('behind a request that is not answered yet: the connection is closed (H08)', async () => {
    const { rig, upstream } = await provide()
    const socket = await dialTls(rig, openaiHost)
    const closed = readToClose(socket)
    socket.write(`GET /v1/models HTTP/1.1\r\nhost: ${openaiHost}\r\n\r\n${upgradeHead()}`)
    expect(await closed).toBe('')
    expect(upstream.upgrades).toEqual([])
  })
})

describe('a provider that does not open a WebSocket', () => {
  const refusing = (answer: string) => ({ onUpgrade: (socket: import('node:stream').Duplex) => socket.end(answer) })

  it('is heard by the client: status, fields and body are its own, without the credential (H15, I2)', async () => {
    const body = '{"error":{"message":"quota for real-codex-key"}}'
    const { rig } = await provide(
      refusing(
        `HTTP/1.1 429 Slow down\r\nretry-after: 7\r\nx-key: real-codex-key\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      ),
    )
    const answer = await exchangeRaw(rig, upgradeHead(), openaiHost)
    expect(answer).toMatch(/^HTTP\/1\.1 429 Slow down\r\n/)
    expect(answer).toContain('retry-after: 7\r\n')
    expect(answer.split('\r\n\r\n')[0]).not.toContain('real-codex-key')
    expect(answer).toMatch(/\r\n\r\n\{"error".*\}\}$/)
    expect(rig.started).toEqual([])
  })

  it.each([
    ['accepts with a wrong key', 'sec-websocket-accept: AAAA\r\n'],
    ['accepts without a key', ''],
  ])('but %s is not spoken to: 502 (H15)', async (_, line) => {
    const { rig, upstream } = await provide(
      refusing(`HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n${line}\r\n`),
    )
    const answer = await exchangeRaw(rig, upgradeHead(), openaiHost)
    expect(statusOf(answer)).toBe(502)
    await until('the provider is left', () => upstream.openConnectionCount === 0)
  })

  it('and never answers: 504 (H14)', async () => {
    const { rig, upstream } = await provide({ onUpgrade: () => {} })
    expect(statusOf(await exchangeRaw(rig, upgradeHead(), openaiHost))).toBe(504)
    await until('the provider is left', () => upstream.openConnectionCount === 0)
  })

  it('because its certificate is for another name: 502 with the reason, and not a byte of the request (H16)', async () => {
    const { rig, upstream } = await provide({ names: ['other.test'] })
    const answer = await exchangeRaw(rig, upgradeHead(), openaiHost)
    expect(statusOf(answer)).toBe(502)
    expect(answer).toMatch(/altnames|does not match/)
    expect(upstream.upgrades).toEqual([])
  })

  it('because its name leads to a private address: 502, and nothing is dialled (H05)', async () => {
    const { rig, upstream } = await provide({}, { upstreams: new Map(), isAllowed: () => false })
    expect(statusOf(await exchangeRaw(rig, upgradeHead(), openaiHost))).toBe(502)
    expect(upstream.connectionCount).toBe(0)
  })
})

describe('while a WebSocket is being opened', () => {
  it('a client that leaves takes the attempt along (H14)', async () => {
    const { rig, upstream } = await provide({ onUpgrade: () => {} })
    const socket = await dialTls(rig, openaiHost)
    socket.write(upgradeHead())
    await until('the provider is asked', () => upstream.upgrades.length === 1)
    socket.destroy()
    await until('the provider is left', () => upstream.openConnectionCount === 0)
    await until('the connection is closed', async () => (await rig.openConnections()) === 0)
  })

  it('a cut is answered in the way that ends the client for good, and so is every later upgrade (E02, E03)', async () => {
    const { rig, upstream } = await provide({ onUpgrade: () => {} })
    const socket = await dialTls(rig, openaiHost)
    socket.write(upgradeHead())
    await until('the provider is asked', () => upstream.upgrades.length === 1)
    const answer = readToClose(socket)
    await rig.proxy.cut(operatorCutMessage)
    await until('the provider is left', () => upstream.openConnectionCount === 0)
    for (const refused of [await answer, await exchangeRaw(rig, upgradeHead(), openaiHost)]) {
      expect(statusOf(refused)).toBe(400)
      const { error } = JSON.parse(refused.split('\r\n\r\n')[1] ?? '') as { error: { code: string; message: string } }
      expect(error).toMatchObject({ code: 'invalid_prompt', message: operatorCutMessage })
    }
    expect(upstream.upgrades).toHaveLength(1)
  })

  it('what the client sends too early is kept for the WebSocket', async () => {
    const { rig, upstream } = await provide()
    const socket = await dialTls(rig, openaiHost)
    const ping = Buffer.from([0x89, 0x80, 1, 2, 3, 4])
    socket.write(Buffer.concat([Buffer.from(upgradeHead()), ping]))
    const head = await readHead(socket)
    expect(statusOf(head)).toBe(101)
    if (!head.endsWith('\x8a\x00')) {
      const [pong] = (await once(socket, 'data')) as [Buffer]
      expect(pong).toEqual(Buffer.from([0x8a, 0]))
    }
    expect(upstream.sockets).toHaveLength(1)
    socket.destroy()
  })
})
