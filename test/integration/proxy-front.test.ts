import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { claude } from '../../src/core/provider/claude.ts'
import type { Provider } from '../../src/core/provider/provider.ts'
import { canonicalHost } from '../../src/core/routing/canonical-host.ts'
import { leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import {
  anthropicHost,
  ask,
  dial,
  dialTls,
  dialTunnel,
  exchangeRaw,
  keepAliveAgent,
  metered,
  open,
  openaiHost,
  readAnswer,
  readHead,
  readToClose,
  secure,
} from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'

let upstream: MeteredUpstream
let rig: ProxyRig
let seenBefore = 0
let connectionsBefore = 0

beforeAll(async () => {
  upstream = await startProviderUpstream()
  rig = await openProxyRig(leadingTo(upstream))
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
afterEach(() => {
  expect(rig.bugs).toEqual([])
  seenBefore = upstream.requestCount
  connectionsBefore = upstream.connectionCount
})

/** What reached the upstream in this test. */
const reached = () => upstream.seen.slice(seenBefore)
function expectNothingDialled(): void {
  expect(reached()).toEqual([])
  expect(upstream.connectionCount).toBe(connectionsBefore)
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
const body = metered({ stream: false })
const post = (extra = '', host = anthropicHost, path = '/v1/messages') =>
  `POST ${path} HTTP/1.1\r\nhost: ${host}\r\n${extra}content-length: ${body.length}\r\n\r\n${body}`
const closing = 'connection: close\r\n'

describe('the name of a connection', () => {
  it.each([
    ['another allowed host', openaiHost, 421],
    ['a denied host', 'evil.test', 421],
    ['a longer host', `${anthropicHost}.evil.test`, 421],
    ['user info', `user@${anthropicHost}`, 400],
    ['a port that is not open', `${anthropicHost}:8443`, 403],
    ['port 80', `${anthropicHost}:80`, 403],
    ['an address', '127.0.0.1', 403],
    ['a decimal address', '2130706433', 403],
    ['an empty value', '', 400],
    ['a list', `${anthropicHost}, evil.test`, 400],
  ])('does not pass a Host field with %s through TLS for an allowed one (H01, H02)', async (_, host, status) => {
    expect(statusOf(await exchangeRaw(rig, post('', host)))).toBe(status)
    expectNothingDialled()
  })

  it.each([
    ['two Host fields', `GET /v1/models HTTP/1.1\r\nhost: ${anthropicHost}\r\nhost: ${anthropicHost}\r\n\r\n`],
    ['a second Host field', `GET /v1/models HTTP/1.1\r\nhost: ${anthropicHost}\r\nHost: evil.test\r\n\r\n`],
    ['no Host field', 'GET /v1/models HTTP/1.1\r\n\r\n'],
    ['an absolute form in TLS', `GET https://${anthropicHost}/v1/models HTTP/1.1\r\nhost: ${anthropicHost}\r\n\r\n`],
    ['an absolute form of another host', `GET http://evil.test/ HTTP/1.1\r\nhost: ${anthropicHost}\r\n\r\n`],
  ])('refuses %s with 400 (H01)', async (_, bytes) => {
    expect(statusOf(await exchangeRaw(rig, bytes))).toBe(400)
    expectNothingDialled()
  })

  it('takes the port and the case of the Host field for what they mean (H03)', async () => {
    for (const host of [`${anthropicHost}:443`, 'API.Anthropic.COM', `${anthropicHost}.`]) {
      expect(statusOf(await exchangeRaw(rig, post(closing, host)))).toBe(200)
    }
    expect(reached().map(({ rawHeaders }) => rawHeaders.slice(0, 2))).toEqual(Array(3).fill(['host', anthropicHost]))
  })

  it.each([
    ['without a name', ''],
    ['for an address', '127.0.0.1'],
  ])('closes a handshake %s (H02)', async (_, servername) => {
    await expect(dialTls(rig, servername)).rejects.toThrow()
    expectNothingDialled()
  })

  it('closes a handshake in a tunnel that was opened for another name (H02)', async () => {
    const tunnel = await dialTunnel(rig, `${anthropicHost}:443`)
    await expect(secure(rig, tunnel, openaiHost)).rejects.toThrow()
    expectNothingDialled()
  })

  it('holds a tunnel to its name (H01)', async () => {
    const tls = await secure(rig, await dialTunnel(rig, `${anthropicHost}:443`), anthropicHost)
    const answer = readToClose(tls)
    tls.write(post('', 'evil.test'))
    expect(statusOf(await answer)).toBe(421)
    expectNothingDialled()
  })

  it('refuses the absolute form of another host on the plain port, and every plain request (H01, C04)', async () => {
    for (const [line, host, status] of [
      ['GET http://evil.test/v1/models', anthropicHost, 400],
      [`GET http://${anthropicHost}/v1/models`, anthropicHost, 403],
      ['GET /v1/models', anthropicHost, 403],
    ] as const) {
      for (const port of [rig.ports.http, rig.ports.proxy]) {
        const socket = await dial(port)
        const answer = readToClose(socket)
        socket.write(`${line} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
        expect(statusOf(await answer)).toBe(status)
      }
    }
    expectNothingDialled()
  })

  it('dials only the canonical form of an allowed name, whatever the client writes (H03)', async () => {
    const odd = fc.constantFrom(
      '',
      '.',
      ':443',
      ':80',
      ' ',
      '%00',
      '@evil.test',
      '\t',
      '/',
      '\\',
      '\x7f',
      '\u00e9',
      '..',
    )
    const spelling = fc
      .tuple(fc.constantFrom('', 'x@', '.', '[', '%61'), fc.mixedCase(fc.constantFrom(anthropicHost, openaiHost)), odd)
      .map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(spelling, async (host) => {
        const before = upstream.seen.length
        const bytes = Buffer.from(`GET /v1/models HTTP/1.1\r\nhost: ${host}\r\n${closing}\r\n`, 'latin1')
        const status = statusOf(await exchangeRaw(rig, bytes))
        const dialled = upstream.seen.slice(before)
        expect(dialled).toHaveLength(status === 200 ? 1 : 0)
        for (const { rawHeaders } of dialled) {
          expect(rawHeaders[1]).toBe(anthropicHost)
          expect(canonicalHost(host.trim().replace(/:443$/, ''))).toEqual({ kind: 'name', name: anthropicHost })
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('a CONNECT', () => {
  it.each([
    ['another port', `${anthropicHost}:22`, 403],
    ['a missing port', anthropicHost, 400],
    ['port 0', `${anthropicHost}:0`, 400],
    ['user info', `user:secret@${anthropicHost}:443`, 400],
    ['a zone', '[fe80::1%25eth0]:443', 403],
    ['an IPv6 address', '[::1]:443', 403],
    ['loopback', '127.0.0.1:443', 403],
    ['a metadata service', '169.254.169.254:80', 403],
    ['a private address', '10.0.0.1:443', 403],
    ['a decimal address', '2130706433:443', 403],
    ['an octal address', '0177.0.0.1:443', 403],
    ['a hexadecimal address', '0x7f.1:443', 403],
    ['a percent sign', 'api%2eanthropic.com:443', 400],
  ])('to %s is refused at once, and nothing is dialled (S06, S08, H03, H04)', async (_, target, status) => {
    const socket = await dial(rig.ports.proxy)
    const answer = readToClose(socket)
    socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`)
    expect(statusOf(await answer)).toBe(status)
    expectNothingDialled()
  })

  it.each(['SSH-2.0-OpenSSH_9.2\r\n', '\0'.repeat(64), '\x16\x03\x01\xff\xff', 'GET / HTTP/1.1\r\n\r\n'])(
    'is closed when no TLS follows: %j (S06)',
    async (bytes) => {
      const tunnel = await dialTunnel(rig, `${anthropicHost}:443`)
      const closed = readToClose(tunnel)
      tunnel.end(bytes)
      await closed
      expectNothingDialled()
    },
  )

  it('gets no further under another name for what is denied (S07)', async () => {
    for (const name of ['evil.test', `${anthropicHost}.evil.test`, 'anthropic.com']) {
      const tls = await secure(rig, await dialTunnel(rig, `${name}:443`), name)
      const answer = readToClose(tls)
      tls.write(post('', name))
      expect(statusOf(await answer)).toBe(403)
    }
    expectNothingDialled()
  })

  it('takes TLS that came together with it', async () => {
    const socket = await dial(rig.ports.proxy)
    const tls = secure(rig, socket, anthropicHost)
    socket.cork()
    socket.write(`CONNECT ${anthropicHost}:443 HTTP/1.1\r\n\r\n`)
    socket.uncork()
    await expect(tls).rejects.toThrow()
    const tunnel = await dialTunnel(rig, `${anthropicHost}:443`)
    const inside = await secure(rig, tunnel, anthropicHost)
    const answer = readToClose(inside)
    inside.write(post(closing))
    expect(statusOf(await answer)).toBe(200)
  })

  it('is refused inside of TLS and on the plain port (H11)', async () => {
    expect(
      statusOf(await exchangeRaw(rig, `CONNECT ${anthropicHost}:443 HTTP/1.1\r\nhost: ${anthropicHost}\r\n\r\n`)),
    ).toBe(405)
    expectNothingDialled()
  })
})

describe('the framing of a request', () => {
  const chunked = (chunks: string) =>
    `POST /v1/messages HTTP/1.1\r\nhost: ${anthropicHost}\r\n${closing}transfer-encoding: chunked\r\n\r\n${chunks}`
  const whole = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

  it.each([
    ['both lengths', `content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n${whole}`],
    ['both lengths the other way round', `transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n${whole}`],
    ['two lengths', 'content-length: 3\r\ncontent-length: 4\r\n\r\nabcd'],
    ['the same length twice', 'content-length: 3\r\ncontent-length: 3\r\n\r\nabc'],
    ['a list of lengths', 'content-length: 3, 3\r\n\r\nabc'],
    ['a signed length', 'content-length: +3\r\n\r\nabc'],
    ['a hexadecimal length', 'content-length: 0x3\r\n\r\nabc'],
    ['a space before the colon', `transfer-encoding : chunked\r\n\r\n${whole}`],
    ['a tab before the colon', `transfer-encoding\t: chunked\r\n\r\n${whole}`],
    ['another coding', `transfer-encoding: gzip, chunked\r\n\r\n${whole}`],
    ['a coding twice', `transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n${whole}`],
    ['a vertical tab', `transfer-encoding: \x0bchunked\r\n\r\n${whole}`],
    ['a folded field', `x-a: 1\r\n transfer-encoding: chunked\r\n\r\n${whole}`],
    ['a NUL in a name', 'x\0a: 1\r\ncontent-length: 3\r\n\r\nabc'],
    ['bare line feeds', 'x-a: 1\ncontent-length: 3\n\nabc'],
    ['a bare carriage return', 'x-a: 1\rcontent-length: 3\r\n\r\nabc'],
  ])('refuses %s with 400 (H08)', async (_, rest) => {
    const answer = await exchangeRaw(rig, `POST /v1/messages HTTP/1.1\r\nhost: ${anthropicHost}\r\n${rest}`)
    expect(statusOf(answer)).toBe(400)
    expectNothingDialled()
  })

  it.each(['identity', '"chunked"', 'chunked, identity'])(
    'refuses or closes where no length follows from the coding %s (H08)',
    async (coding) => {
      const answer = await exchangeRaw(
        rig,
        `POST /v1/messages HTTP/1.1\r\nhost: ${anthropicHost}\r\ntransfer-encoding: ${coding}\r\n\r\n${whole}`,
      )
      expect([400, 0]).toContain(statusOf(answer))
      expectNothingDialled()
    },
  )

  it.each([
    ['a size that is no number', 'x\r\nabc\r\n0\r\n\r\n'],
    ['a size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
    ['a size beyond all bounds', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
    ['no end of a chunk', '3\r\nabcd\r\n0\r\n\r\n'],
    ['a bare line feed after a size', '3\nabc\r\n0\r\n\r\n'],
  ])('refuses chunks with %s (H08)', async (_, chunks) => {
    expect(statusOf(await exchangeRaw(rig, chunked(chunks)))).toBe(400)
    expectNothingDialled()
  })

  it('frames chunks, their extensions and trailers anew: one length, the same bytes (H08)', async () => {
    const half = Math.floor(body.length / 2)
    const parts = [body.slice(0, half), body.slice(half)]
    const chunks = parts.map((part) => `${part.length.toString(16)};name="value"\r\n${part}\r\n`).join('')
    const answer = await exchangeRaw(rig, chunked(`${chunks}0\r\nx-api-key: smuggled\r\nhost: evil.test\r\n\r\n`))
    expect(statusOf(answer)).toBe(200)
    const [request] = reached()
    expect(reached()).toHaveLength(1)
    expect(await request?.body).toBe(body)
    const headers = (request?.rawHeaders ?? []).map((value) => value.toLowerCase())
    expect(headers).toContain(String(body.length))
    expect(headers).not.toContain('transfer-encoding')
    expect(headers).not.toContain('smuggled')
  })

  it.each([
    ['a denied path', post('', anthropicHost, '/v1/files')],
    ['an allowed path', post()],
    ['another host', post('', openaiHost, '/v1/responses')],
    ['garbage', '\0\0\0\0 / HTTP/9\r\n\r\n'],
  ])(
    'lets the upstream see at most the first of two requests sent at once, the second for %s (H08)',
    async (_, second) => {
      const answer = await exchangeRaw(rig, post() + second)
      expect(reached().length).toBeLessThanOrEqual(1)
      for (const request of reached()) expect(await request.body).toBe(body)
      expect(answer.match(/HTTP\/1\.1 200 /g)?.length ?? 0).toBeLessThanOrEqual(1)
    },
  )

  it('takes what follows the declared length for another request, never for part of this one (H09)', async () => {
    const answer = await exchangeRaw(rig, `${post()}GET /v1/models HTTP/1.1\r\nhost: ${anthropicHost}\r\n\r\n`)
    expect(answer).not.toContain('models')
    expect(reached().length).toBeLessThanOrEqual(1)
    for (const { line } of reached()) expect(line).toBe('POST /v1/messages')
  })

  it.each(['GET /v1/models', 'HEAD /api/hello'])('refuses a body of %s (H09)', async (line) => {
    const answer = await exchangeRaw(rig, `${line} HTTP/1.1\r\nhost: ${anthropicHost}\r\ncontent-length: 3\r\n\r\nabc`)
    expect(statusOf(answer)).toBe(400)
    const chunks = await exchangeRaw(
      rig,
      `${line} HTTP/1.1\r\nhost: ${anthropicHost}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    )
    expect(statusOf(chunks)).toBe(400)
    expectNothingDialled()
  })

  it('serves requests one after the other on one connection', async () => {
    using agent = keepAliveAgent()
    const ports = new Set<number | undefined>()
    for (let round = 0; round < 30; round += 1) {
      const response = await open(rig, { agent, body })
      ports.add(response.socket.localPort)
      expect((await readAnswer(response)).isWhole).toBe(true)
    }
    expect(ports.size).toBe(1)
    expect(reached()).toHaveLength(30)
  })

  it('answers Expect: 100-continue itself and does not pass it on', async () => {
    const socket = await dialTls(rig)
    const [head] = post(`${closing}expect: 100-continue\r\n`).split('{', 1)
    socket.write(head ?? '')
    expect(await readHead(socket)).toMatch(/^HTTP\/1\.1 100 /)
    const answer = readToClose(socket)
    socket.write(body)
    expect(statusOf(await answer)).toBe(200)
    expect(reached()[0]?.rawHeaders.map((value) => value.toLowerCase())).not.toContain('expect')
  })
})

describe('a method, a protocol or a path that does not pass', () => {
  it.each([
    ['TRACE', `TRACE /v1/models HTTP/1.1\r\nhost: ${anthropicHost}\r\n\r\n`, 405],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 0],
    ['HTTP/1.0', `GET /v1/models HTTP/1.0\r\nhost: ${anthropicHost}\r\n\r\n`, 505],
    ['HTTP/0.9', 'GET /v1/models\r\n\r\n', 505],
    ['the asterisk', `OPTIONS * HTTP/1.1\r\nhost: ${anthropicHost}\r\n\r\n`, 400],
    [
      'an upgrade to h2c',
      `GET /v1/models HTTP/1.1\r\nhost: ${anthropicHost}\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAA\r\n\r\n`,
      426,
    ],
  ])('%s is refused (H11)', async (_, bytes, status) => {
    const answer = await exchangeRaw(rig, bytes)
    if (status !== 0) expect(statusOf(answer)).toBe(status)
    else expect(answer).not.toMatch(/ 200 /)
    expectNothingDialled()
  })

  it.each([
    '/v1/%2e%2e/v1/messages',
    '//v1/messages',
    '/v1//messages',
    '/v1%2fmessages',
    '/v1/messages;a=b',
    '/v1\\messages',
    '/v1/./messages',
    '/v1/messages%00',
    '/v1/messages#x',
  ])('%s is refused with 400 (H12)', async (path) => {
    expect(statusOf(await exchangeRaw(rig, post('', anthropicHost, path)))).toBe(400)
    expectNothingDialled()
  })

  it.each(['/V1/MESSAGES', '/v1/messages/', '/v1/messages/batches', '/v1/files', '/v1/complete', '/', '/v1/responses'])(
    '%s is not listed, and refused with 403 (I3, H12)',
    async (path) => {
      const answer = await exchangeRaw(rig, post('', anthropicHost, path))
      expect(statusOf(answer)).toBe(403)
      expect(answer).toContain('not among the metered or free endpoints')
      expect(rig.denials.at(-1)).toMatchObject({ host: anthropicHost, path, method: 'POST' })
      expectNothingDialled()
    },
  )

  it('forwards the bytes of the target that it decided on (H12)', async () => {
    const { status } = await ask(rig, { method: 'GET', path: '/v1/models/a%20b.c?limit=1&x=%2F..;' })
    expect(status).toBe(200)
    expect(reached().map(({ line }) => line)).toEqual(['GET /v1/models/a%20b.c?limit=1&x=%2F..;'])
  })

  it.each([
    ['no JSON', 'hello'],
    ['half a document', '{"model":"x"'],
    ['a list', '[{}]'],
    ['nothing', ''],
    ['compressed bytes', '\x1f\x8b\x08\0'],
    ['an answer in the background', JSON.stringify({ model: 'x', background: true })],
  ])('a metered endpoint takes no body with %s (I3, M21)', async (_, text) => {
    const { status, body: answer } = await ask(rig, { host: openaiHost, path: '/v1/responses', body: text })
    expect(status).toBe(400)
    expect(JSON.parse(answer.toString()).error.message).toMatch(/^bot-bottle: /)
    expectNothingDialled()
  })

  it('the head may have 64 KiB, then it is refused with 431 (H13)', async () => {
    const answer = await exchangeRaw(rig, post(`x-long: ${'a'.repeat(64 * 1024)}\r\n`))
    // The answer may be lost where the connection closes on what was not read.
    expect([431, 0]).toContain(statusOf(answer))
    expectNothingDialled()
  })

  it('a body that is announced to be beyond the limit is refused before it is sent (H13)', async () => {
    const answer = await exchangeRaw(
      rig,
      `POST /v1/messages HTTP/1.1\r\nhost: ${anthropicHost}\r\ncontent-length: ${64 * 1024 * 1024 + 1}\r\n\r\n`,
    )
    expect(statusOf(answer)).toBe(413)
    expectNothingDialled()
  })
})

describe('an address behind a name', () => {
  it('is refused, and the client reads why, when the name leads to the host itself (S08, H05)', async () => {
    await using local = await openProxyRig({
      upstreams: new Map(),
      upstreamCa: null,
      providers: [providerAt('localhost')],
    })
    const { status, body: answer } = await ask(local, { host: 'localhost', method: 'GET', path: '/free' })
    expect(status).toBe(502)
    expect(answer.toString()).toContain('which no bottle may reach')
    const { status: metering } = await ask(local, { host: 'localhost', path: '/metered' })
    expect(metering).toBe(502)
    await local.settled(1)
    expect(local.settlements[0]).toMatchObject({ chargeTokens: 0, source: 'unsent' })
    expectNothingDialled()
  })
})

function providerAt(host: string): Provider {
  const endpoints = [
    { method: 'GET', path: '/free', kind: 'free' },
    { method: 'POST', path: '/metered', kind: 'metered', format: 'anthropic-messages' },
  ] as const
  return { ...claude, name: 'local', hosts: [{ host, endpoints }] }
}
