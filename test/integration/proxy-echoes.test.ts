/** Servers that send the real credential back in a body: it does not reach the client, and nothing else changes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { claude } from '../../src/core/provider/claude.ts'
import { proxyLimits } from '../../src/proxy/limits.ts'
import { codings } from '../fakes/coded.ts'
import { anthropicStream } from '../fakes/event-streams.ts'
import { protocols } from '../fakes/http-clients.ts'
import { startProviderUpstream } from '../fakes/metered-upstream.ts'
import { anthropicHost, ask, metered } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { split } from '../fakes/split.ts'

const keyHost = 'api.example.com'
const secret = 'the-real/token+0123'
const echo = `{"error":{"message":"no such token: ${secret}","url":"/?t=${encodeURIComponent(secret)}"}}`

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(onRequest: (request: IncomingMessage, response: ServerResponse) => void): Promise<ProxyRig> {
  const names = [keyHost, anthropicHost]
  const upstream = stack.use(await startProviderUpstream(onRequest, { names }))
  const url = new URL(`https://127.0.0.1:${upstream.port}`)
  return stack.use(
    await openProxyRig({
      upstreams: new Map(names.map((name) => [name, url])),
      upstreamCa: upstream.caCertificate,
      providers: [claude],
      credentials: { claude: secret },
      routes: [{ host: keyHost, auth: { scheme: { kind: 'bearer' }, secret } }],
    }),
  )
}

const get = { method: 'GET', path: '/a', host: keyHost }

describe('a body with the credential', () => {
  it.each(protocols)('is cleaned in any split, at its length: $name (C03)', async ({ connect }) => {
    const rig = await provide((request, response) => {
      if (request.url === '/known') response.writeHead(403, { 'content-length': echo.length })
      for (const piece of split(Buffer.from(echo), [1, 7, 3])) response.write(piece)
      response.end()
    })
    using client = connect(rig)
    for (const path of ['/known', '/chunked']) {
      const { headers, text, isWhole } = await client.ask({ ...get, path })
      expect(isWhole).toBe(true)
      expect(text).not.toContain(secret)
      expect(text).not.toContain(encodeURIComponent(secret))
      expect(text).toMatch(/^\{"error":\{"message":"no such token: \*{19}","url":"\/\?t=\*{23}"\}\}$/)
      expect(headers['content-length']).toBe(path === '/known' ? String(echo.length) : undefined)
    }
  })

  it.each(Object.keys(codings))('that is coded as %s goes on without its coding (C03)', async (name) => {
    const coding = codings[name]
    const rig = await provide((_, response) => {
      response.writeHead(401, { 'content-encoding': coding?.field, 'content-type': 'application/json' })
      response.end(coding?.code(echo))
    })
    const { status, headers, body } = await ask(rig, {
      ...get,
      headers: ['accept-encoding', 'gzip, br, zstd, deflate'],
    })
    expect({ status, coding: headers['content-encoding'] }).toEqual({ status: 401, coding: undefined })
    expect(headers['content-length']).toBe(String(body.length))
    expect(body.toString()).toMatch(/^\{"error":\{"message":"no such token: \*{19}"/)
  })

  it("is cleaned at a provider's, errors and streams alike, and the stream is metered as it came (C03)", async () => {
    const rig = await provide((request, response) => {
      if (request.url === '/v1/models') return void response.writeHead(401).end(echo)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(anthropicStream({ deltas: ['your key is ', secret] }).join(''))
    })
    expect((await ask(rig, { ...get, host: anthropicHost, path: '/v1/models' })).body.toString()).not.toContain(secret)
    const stream = await ask(rig, { body: metered({ stream: true }) })
    expect(stream.body.toString()).toContain('your key is ')
    expect(stream.body.toString()).not.toContain(secret)
    await rig.settled(1)
    expect(rig.settlements[0]).toMatchObject({ source: 'authoritative' })
  })
})

describe('a body without the credential', () => {
  it.each(['gzip', 'br', 'zstd'])('that is coded as %s passes byte for byte', async (name) => {
    const coded = codings[name]?.code('{"error":"no such token: none"}') ?? Buffer.alloc(0)
    const rig = await provide((request, response) => {
      const length = request.url === '/known' ? { 'content-length': coded.length } : {}
      response.writeHead(404, { 'content-encoding': name, ...length }).end(coded)
    })
    for (const path of ['/known', '/chunked']) {
      const { headers, body } = await ask(rig, { ...get, path, headers: ['accept-encoding', name] })
      expect(headers['content-encoding']).toBe(name)
      expect(body.equals(coded)).toBe(true)
    }
  })

  it('that is coded and long, broken, or not what it says passes byte for byte, at whatever status', async () => {
    const noise = Buffer.from(Array.from({ length: proxyLimits.maxScreenedBytes * 2 }, (_, at) => (at * 7919) % 251))
    const rig = await provide((_, response) => {
      response.writeHead(500, { 'content-encoding': 'gzip' })
      for (const piece of split(noise, [10_000])) response.write(piece)
      response.end()
    })
    const { body } = await ask(rig, { ...get, headers: ['accept-encoding', 'gzip'] })
    expect(body.equals(noise)).toBe(true)
  })

  it('that breaks off while it is looked at breaks off for the client too', async () => {
    const rig = await provide((_, response) => {
      response.writeHead(500, { 'content-encoding': 'gzip', 'content-length': 1000 })
      response.write('half of it', () => response.destroy())
    })
    const { status } = await ask(rig, { ...get, headers: ['accept-encoding', 'gzip'] })
    expect(status).toBe(502)
    expect(rig.bugs).toEqual([])
  })
})
