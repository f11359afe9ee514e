import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { BottleError } from '../../src/core/errors.ts'
import { claude } from '../../src/core/provider/claude.ts'
import { placeholderCredential } from '../../src/core/provider/provider.ts'
import type { AuthScheme, Route } from '../../src/core/routing/route.ts'
import { anthropicStream } from '../fakes/event-streams.ts'
import { type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import {
  anthropicHost,
  ask,
  dialTunnel,
  keepAliveAgent,
  metered,
  open,
  openaiHost,
  readAnswer,
  startRequest,
} from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'

const openHost = 'files.example.com'
const keyHost = 'api.example.com'
const bearer: AuthScheme = { kind: 'bearer' }
const secret = 'the-real-token'
const routes: readonly Route[] = [
  { host: openHost },
  { host: keyHost, methods: ['GET', 'POST'], paths: ['/repos/**', '/graphql'], auth: { scheme: bearer, secret } },
]

let stack = new AsyncDisposableStack()
let current: ProxyRig | undefined

afterEach(async () => {
  expect(current?.bugs ?? []).toEqual([])
  current = undefined
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(
  onRequest: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end('ok'),
  options: Partial<ProxyRigOptions> = {},
): Promise<{ readonly upstream: MeteredUpstream; readonly rig: ProxyRig }> {
  const names = [openHost, keyHost, anthropicHost, openaiHost]
  const upstream = stack.use(await startProviderUpstream(onRequest, { names }))
  const url = new URL(`https://127.0.0.1:${upstream.port}`)
  const rig = stack.use(
    await openProxyRig({
      upstreams: new Map(names.map((name) => [name, url])),
      upstreamCa: upstream.caCertificate,
      providers: [claude],
      routes,
      ...options,
    }),
  )
  current = rig
  return { upstream, rig }
}

const get = { method: 'GET', path: '/repos/a', host: keyHost }

describe('a route', () => {
  it('passes requests and answers unchanged and unmetered, whatever their type', async () => {
    const text = anthropicStream({ deltas: ['a'] }).join('')
    const { rig, upstream } = await provide((_, response) => {
      response.writeHead(201, 'Made', [
        'X-Odd-CASE',
        '1',
        'set-cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'content-type',
        'text/event-stream',
      ])
      response.end(text)
    })
    const answer = await ask(rig, { host: openHost, path: '/v1/messages?a=b&token=mine', body: '{"not":"json' })
    expect(answer).toMatchObject({ status: 201, reason: 'Made', isWhole: true })
    expect(answer.body.toString()).toBe(text)
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(upstream.seen.map(({ line }) => line)).toEqual(['POST /v1/messages?a=b&token=mine'])
    expect(await upstream.seen[0]?.body).toBe('{"not":"json')
    expect(rig.started).toEqual([])
    expect(await rig.ledger.events({ limit: 10 })).toEqual([])
  })

  it("without a credential leaves the client's own alone (C02)", async () => {
    const { rig, upstream } = await provide()
    await ask(rig, {
      ...get,
      host: openHost,
      headers: ['Authorization', 'Bearer mine', 'Cookie', 'a=1', 'X-Api-Key', 'k'],
    })
    const sent = fieldsOf(upstream)
    expect(sent).toMatchObject({ authorization: 'Bearer mine', cookie: 'a=1', 'x-api-key': 'k', host: openHost })
  })

  it.each([
    [bearer, secret, 'authorization', `Bearer ${secret}`],
    [{ kind: 'x-api-key' } as const, secret, 'x-api-key', secret],
    [{ kind: 'basic' } as const, 'me:pass', 'authorization', 'Basic bWU6cGFzcw=='],
    [{ kind: 'header', name: 'PRIVATE-TOKEN' } as const, 'a b', 'private-token', 'a b'],
  ])("puts its credential in as %j in place of the client's (C01)", async (scheme, real, field, value) => {
    const route = { host: keyHost, auth: { scheme, secret: real } }
    const { rig, upstream } = await provide(undefined, { routes: [route] })
    const own = ['Authorization', 'Bearer mine', 'x_api_key', 'mine', 'Cookie', 'mine', 'Private_Token', 'mine']
    await ask(rig, { ...get, path: '/repos/a?access_token=mine&q=1', headers: own })
    expect(fieldsOf(upstream)[field]).toBe(value)
    expect(JSON.stringify(upstream.seen)).not.toContain('mine')
    expect(upstream.seen[0]?.line).toBe('GET /repos/a?q=1')
  })

  it("puts its credential into the query in place of the client's, and takes it out of what comes back (C01, C03)", async () => {
    const auth = { scheme: { kind: 'query', name: 'sig' }, secret: 'a/b' } as const
    const { rig, upstream } = await provide(
      (request, response) => response.writeHead(302, { location: `https://b.test${request.url}` }).end(),
      { routes: [{ host: keyHost, auth }] },
    )
    const { headers } = await ask(rig, { ...get, path: '/x?SIG=mine&q=1', headers: ['Authorization', 'Bearer mine'] })
    expect(upstream.seen[0]?.line).toBe('GET /x?q=1&sig=a%2Fb')
    expect(JSON.stringify(upstream.seen)).not.toContain('mine')
    expect(headers.location).toBe(`https://b.test/x?q=1&sig=${placeholderCredential}`)
  })

  it('never shows its credential in the head of an answer, plain, coded or in a URL (C03)', async () => {
    const real = 'me:p+ss/word'
    const { rig } = await provide(
      (request, response) => {
        const echo = encodeURIComponent('p+ss/word')
        const sent = String(request.headers.authorization)
        response.writeHead(302, `Hello ${real}`, { location: `https://b.test/?k=${echo}`, 'x-echo': sent }).end()
      },
      { routes: [{ host: keyHost, auth: { scheme: { kind: 'basic' }, secret: real } }] },
    )
    const { reason, headers } = await ask(rig, get)
    expect(reason).toBe(`Hello ${placeholderCredential}`)
    expect(headers.location).toBe(`https://b.test/?k=${placeholderCredential}`)
    expect(headers['x-echo']).toBe(`Basic ${placeholderCredential}`)
  })

  it.each([
    ['in a header', { ...get, host: openHost, headers: ['x-key', `k ${placeholderCredential}`] }],
    ['as a credential', { ...get, host: openHost, headers: ['authorization', `Bearer ${placeholderCredential}`] }],
    ['in the query', { ...get, host: openHost, path: `/?key=${placeholderCredential}` }],
    ['beside the credential of the route', { ...get, headers: ['x-key', placeholderCredential] }],
  ])('is refused a request with the placeholder %s (C02)', async (_, request) => {
    const { rig, upstream } = await provide()
    expect(await ask(rig, request)).toMatchObject({ status: 403 })
    expect(upstream.connectionCount).toBe(0)
    expect(rig.denials.at(-1)?.reason).toContain('the placeholder of a provider')
  })

  it('with a credential takes the placeholder where clients put theirs', async () => {
    const { rig, upstream } = await provide()
    const answer = await ask(rig, { ...get, headers: ['authorization', `Bearer ${placeholderCredential}`] })
    expect(answer.status).toBe(200)
    expect(fieldsOf(upstream).authorization).toBe(`Bearer ${secret}`)
  })

  it('passes redirects to hosts that are not allowed, and never follows them (H07)', async () => {
    const { rig, upstream } = await provide((_, response) => {
      response.writeHead(302, { location: 'https://evil.example.net/' }).end()
    })
    const answer = await ask(rig, get)
    expect(answer).toMatchObject({ status: 302, headers: { location: 'https://evil.example.net/' } })
    expect(upstream.requestCount).toBe(1)
    expect(await ask(rig, { ...get, host: 'evil.example.net' })).toMatchObject({ status: 403 })
  })

  it.each([
    ['another method', { ...get, method: 'DELETE' }, /does not allow DELETE \/repos\/a, only GET, POST; this line/],
    [
      'another path',
      { ...get, path: '/user' },
      /does not allow the path \/user, only \/repos\/\*\*, \/graphql; this line/,
    ],
    [
      'another host',
      { ...get, host: 'evil.example.net' },
      /no route of this bottle allows the host evil\.example\.net/,
    ],
    ["another provider's host", { ...get, host: openaiHost, path: '/v1/models' }, /belongs to the provider codex/],
  ])('does not open %s, and the refusal says what would', async (_, request, reason) => {
    const { rig, upstream } = await provide()
    const answer = await ask(rig, request)
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body.toString()).error.message).toMatch(reason)
    expect(rig.denials).toEqual([
      expect.objectContaining({ host: request.host, reason: expect.stringMatching(reason) }),
    ])
    expect(upstream.connectionCount).toBe(0)
  })

  it.each(['/repos/%2e%2e/user', '/repos/../user', '/repos//x', '/repos/a%2fb', '/repos/a;b', '/repos\\a'])(
    'is not taken by the odd path %s (H12)',
    async (path) => {
      const { rig, upstream } = await provide()
      expect(await ask(rig, { ...get, path })).toMatchObject({ status: 400 })
      expect(upstream.connectionCount).toBe(0)
    },
  )

  it('without paths takes paths that only some services can read, and forwards their bytes (H12)', async () => {
    const { rig, upstream } = await provide()
    const odd = ['/@types%2fnode', '/a;v=1', '/api/v4/projects/group%2Fproject/issues']
    for (const path of odd) expect(await ask(rig, { ...get, host: openHost, path })).toMatchObject({ status: 200 })
    expect(upstream.seen.map(({ line }) => line)).toEqual(odd.map((path) => `GET ${path}`))
    for (const path of ['/a/../b', '/a//b', '/a\\b', '/a%00']) {
      expect(await ask(rig, { ...get, host: openHost, path })).toMatchObject({ status: 400 })
    }
  })

  it('never passes a header that asks for another method than that was decided on', async () => {
    const { rig, upstream } = await provide()
    for (const host of [openHost, keyHost])
      await ask(rig, { ...get, host, headers: ['X-HTTP-Method-Override', 'DELETE'] })
    expect(upstream.seen).toHaveLength(2)
    expect(JSON.stringify(upstream.seen)).not.toContain('DELETE')
  })

  it('is not taken over plain HTTP, with or without a credential (C04)', async () => {
    const { rig, upstream } = await provide()
    for (const host of [openHost, keyHost]) {
      const request = httpRequest({ port: rig.ports.http, path: '/repos/a', headers: { host } }).end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      const answer = await readAnswer(response)
      expect(answer.status).toBe(403)
      expect(answer.body.toString()).toContain(`${host} may only be reached with https`)
    }
    expect(upstream.connectionCount).toBe(0)
  })

  it('does not pass an upgrade', async () => {
    const { rig, upstream } = await provide()
    const headers = ['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13']
    expect(await ask(rig, { ...get, host: openHost, headers })).toMatchObject({ status: 426 })
    expect(upstream.connectionCount).toBe(0)
  })

  it('whose certificate is for another name is not passed, and the client reads why (H16)', async () => {
    const upstream = stack.use(await startProviderUpstream(undefined, { names: ['other.example.org'] }))
    const { rig } = await provide(undefined, {
      routes: [{ host: 'www.example.org' }],
      upstreams: new Map([['www.example.org', new URL(`https://127.0.0.1:${upstream.port}`)]]),
      upstreamCa: upstream.caCertificate,
    })
    const answer = await ask(rig, { ...get, host: 'www.example.org' })
    expect(answer.status).toBe(502)
    expect(answer.body.toString()).toMatch(/www\.example\.org could not be reached: .*altnames/)
  })

  it('to a name that resolves to this host is not dialled (H05, S08)', async () => {
    const { rig } = await provide(undefined, { routes: [{ host: 'localhost' }] })
    const answer = await ask(rig, { ...get, host: 'localhost' })
    expect(answer.status).toBe(502)
    expect(answer.body.toString()).toContain('which no bottle may reach')
  })

  it('answers a client in its own words when the bottle is cut', async () => {
    const { rig, upstream } = await provide()
    await rig.proxy.cut('bot-bottle: cut by hand')
    const answer = await ask(rig, get)
    expect(answer.status).toBe(403)
    expect(JSON.parse(answer.body.toString()).error).toMatchObject({ code: 'cut', message: 'bot-bottle: cut by hand' })
    expect(upstream.connectionCount).toBe(0)
  })
})

describe('a credential of a route that cannot be read', () => {
  it('is a 502 with the cause, and nothing is dialled (C06)', async () => {
    let isLocked = true
    const { rig, upstream } = await provide(undefined, {
      routeCredentialOf: async () => {
        if (isLocked)
          throw new BottleError(
            'credential_missing',
            'the credential of the route to api.example.com is missing: the vault is locked',
          )
        return secret
      },
    })
    const answer = await ask(rig, get)
    expect(answer.status).toBe(502)
    expect(answer.body.toString()).toContain('the vault is locked')
    expect(upstream.connectionCount).toBe(0)
    isLocked = false
    expect(await ask(rig, get)).toMatchObject({ status: 200 })
  })

  it('does not hold up a cut', async () => {
    const asked = Promise.withResolvers<void>()
    const { rig, upstream } = await provide(undefined, {
      routeCredentialOf: () => {
        asked.resolve()
        return new Promise<string>(() => {})
      },
    })
    const answer = ask(rig, get)
    await asked.promise
    await rig.proxy.cut('bot-bottle: cut by hand')
    expect(await answer).toMatchObject({ status: 403 })
    expect(upstream.connectionCount).toBe(0)
  })
})

describe('an upload on a route', () => {
  const put = { method: 'PUT', host: openHost, path: '/big' }
  const chunk = Buffer.alloc(256 * 1024, 'x')

  it('reaches the upstream before it is complete, of any length and without one', async () => {
    const seen: number[] = []
    const { rig } = await provide((request, response) => {
      let bytes = 0
      request.on('data', (piece: Buffer) => {
        if (bytes === 0) seen.push(piece.length)
        bytes += piece.length
      })
      request.once('end', () =>
        response.end(`${bytes} ${request.headers['content-length']} ${request.headers['transfer-encoding']}`),
      )
    })
    const total = 80 * 1024 * 1024
    for (const headers of [['content-length', String(total)], []]) {
      const request = startRequest(rig, { ...put, headers })
      const answered = once(request, 'response') as Promise<[IncomingMessage]>
      request.write(chunk)
      await until('the upstream has the beginning', () => seen.length > 0)
      seen.length = 0
      for (let sent = chunk.length; sent < total; sent += chunk.length) {
        if (!request.write(chunk)) await once(request, 'drain')
      }
      request.end()
      const [response] = await answered
      const expected = headers.length > 0 ? `${total} ${total} undefined` : `${total} undefined chunked`
      expect((await readAnswer(response)).body.toString()).toBe(expected)
    }
  })

  it('waits for a slow upstream instead of filling memory', async () => {
    const started = Promise.withResolvers<IncomingMessage>()
    const { rig, upstream } = await provide((request, response) => {
      started.resolve(request)
      request.once('end', () => response.end('done'))
    })
    const request = startRequest(rig, { ...put, headers: ['content-length', String(400 * chunk.length)] })
    const answered = once(request, 'response') as Promise<[IncomingMessage]>
    let sent = 0
    while (request.write(chunk)) sent += 1
    const reading = await started.promise
    await quiet(() => upstream.receivedBytes)
    // What stands in the buffers of sockets and pipes; the rest has not left the client.
    expect(upstream.receivedBytes).toBeLessThan(32 * 1024 * 1024)
    reading.resume()
    for (sent += 1; sent < 400; sent += 1) if (!request.write(chunk)) await once(request, 'drain')
    request.end()
    const [response] = await answered
    expect((await readAnswer(response)).body.toString()).toBe('done')
  })

  it('is ended by a cut at once: not a byte leaves afterwards (E03)', async () => {
    const started = Promise.withResolvers<IncomingMessage>()
    const { rig, upstream } = await provide((request) => {
      request.resume()
      started.resolve(request)
    })
    const request = startRequest(rig, put)
    const gone = once(request, 'close')
    request.write(chunk)
    await started.promise
    await rig.proxy.cut('bot-bottle: cut by hand')
    await until('the upstream connection is closed', () => upstream.openConnectionCount === 0)
    const { receivedBytes } = upstream
    for (let count = 0; count < 8; count += 1) request.write(chunk)
    await gone
    expect(upstream).toMatchObject({ receivedBytes, connectionCount: 1 })
  })

  it('that is answered before its end leaves the client with that answer', async () => {
    const { rig } = await provide((_, response) => response.writeHead(413).end('too large'))
    const request = startRequest(rig, put)
    const answered = once(request, 'response') as Promise<[IncomingMessage]>
    request.write(chunk)
    const [response] = await answered
    expect(await readAnswer(response)).toMatchObject({ status: 413, isWhole: true })
    request.destroy()
    await until('nothing is open', async () => (await rig.openConnections()) === 0)
  })

  it('whose client goes away is broken off upstream as well (H14)', async () => {
    const broken = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const { rig } = await provide((request) => {
      started.resolve()
      request.resume().once('close', () => broken.resolve())
    })
    const request = startRequest(rig, put)
    request.write(chunk)
    await started.promise
    request.destroy()
    await broken.promise
    await until('nothing is in flight', () => rig.proxy.openExchanges === 0)
  })

  it('is sent on a connection of its own, short bodies and those without on pooled ones', async () => {
    const { rig, upstream } = await provide()
    using agent = keepAliveAgent()
    for (let count = 0; count < 3; count += 1) await ask(rig, { ...put, body: 'short', agent })
    for (let count = 0; count < 3; count += 1) await ask(rig, { ...get, host: openHost, agent })
    expect(upstream.connectionCount).toBe(1)
    await ask(rig, { ...put, body: chunk, agent })
    expect(upstream.connectionCount).toBe(2)
  })

  it('without a body says so to the upstream where a server might wait for one', async () => {
    const { rig, upstream } = await provide()
    for (const method of ['POST', 'PUT', 'PATCH'])
      await ask(rig, { ...put, method, headers: ['content-length', '0'], body: '' })
    expect(upstream.seen.map((_, index) => fieldsOf(upstream, index)['content-length'])).toEqual(['0', '0', '0'])
  })
})

describe('a download on a route', () => {
  it('waits for a slow client, and ends with it', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x')
    let written = 0
    const closed = Promise.withResolvers<void>()
    const { rig } = await provide((_, response) => {
      const more = () => {
        while (written < 500 && response.write(piece)) written += 1
      }
      response.on('drain', more).once('close', () => closed.resolve())
      more()
    })
    const response = await open(rig, { ...get, host: openHost })
    await quiet(() => written)
    expect(written).toBeLessThan(50)
    response.destroy()
    await closed.promise
  })

  it.each(['text/event-stream', 'application/octet-stream'])(
    'of %s that is cut is broken off, and never ends as if it were whole (E03)',
    async (type) => {
      const { rig } = await provide((_, response) => {
        response.writeHead(200, { 'content-type': type })
        response.write('data: 1\n\n')
      })
      const response = await open(rig, { ...get, host: openHost })
      const answer = readAnswer(response)
      await once(response, 'data')
      await rig.proxy.cut('bot-bottle: cut by hand')
      expect(await answer).toMatchObject({ isWhole: false })
    },
  )
})

describe('an endpoint that no table lists', () => {
  const unlisted = { path: '/v1/unknown', body: metered({ input: 'x'.repeat(3_000) }) }

  it('is refused, and the refusal says what would let it pass (M22)', async () => {
    const { rig, upstream } = await provide()
    const answer = await ask(rig, unlisted)
    expect(answer.status).toBe(403)
    expect(answer.body.toString()).toContain('unlisted_endpoints: estimate')
    expect(upstream.connectionCount).toBe(0)
  })

  it('is charged by the bytes of request and answer where the bottle says so (M22)', async () => {
    const { rig } = await provide(
      (request, response) => {
        request.resume()
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ data: 'y'.repeat(3_000), usage: { input_tokens: 1, output_tokens: 1 } }))
      },
      { unlistedEndpoints: 'estimate' },
    )
    expect(await ask(rig, unlisted)).toMatchObject({ status: 200, isWhole: true })
    await rig.settled(1)
    const [settlement] = rig.settlements
    expect(settlement).toMatchObject({ provider: 'claude', model: null, source: 'estimated' })
    expect(settlement?.chargeTokens).toBeGreaterThan(1_000)
  })

  it('is held to the budget (M22)', async () => {
    const { rig, upstream } = await provide(undefined, { unlistedEndpoints: 'estimate', budgets: { claude: 500 } })
    expect(await ask(rig, unlisted)).toMatchObject({ status: 402 })
    expect(upstream.connectionCount).toBe(0)
  })
})

describe('what a log is told', () => {
  it('is one line for each request, never a query, a header or a body', async () => {
    const { rig } = await provide((request, response) => {
      request.resume()
      response.writeHead(request.url === '/v1/models' ? 404 : 200, { 'content-type': 'application/json' })
      response.end('{"a":1}')
    })
    await ask(rig, { ...get, path: '/repos/a?q=secret', headers: ['x-mine', 'secret'] })
    await ask(rig, { host: openHost, method: 'PUT', path: '/up', body: 'secret!' })
    await ask(rig, { host: anthropicHost, method: 'GET', path: '/v1/models' })
    await ask(rig, { host: anthropicHost })
    await ask(rig, { ...get, path: '/user?q=secret' })
    await ask(rig, { host: anthropicHost, body: '[]' })
    await until('all are told', () => rig.passed.length === 4)
    const lines = rig.passed.map(({ tookMs, requestBytes, httpVersion, ...line }) => line)
    expect(lines).toEqual([
      { method: 'GET', host: keyHost, path: '/repos/a', verdict: 'routed', status: 200, answerBytes: 7 },
      { method: 'PUT', host: openHost, path: '/up', verdict: 'routed', status: 200, answerBytes: 7 },
      { method: 'GET', host: anthropicHost, path: '/v1/models', verdict: 'free', status: 404, answerBytes: 7 },
      { method: 'POST', host: anthropicHost, path: '/v1/messages', verdict: 'metered', status: 200, answerBytes: 7 },
    ])
    expect(rig.passed.map(({ requestBytes }) => requestBytes)).toEqual([0, 7, 0, expect.any(Number)])
    expect(rig.denials.map(({ path, status, code }) => [path, status, code])).toEqual([
      ['/user', 403, 'route_not_allowed'],
      ['/v1/messages', 400, 'not_metered'],
    ])
    expect(JSON.stringify([rig.passed, rig.denials])).not.toContain('secret')
  })

  it('says what was answered where nothing was dialled, and nothing where the client left', async () => {
    const started = Promise.withResolvers<void>()
    const { rig } = await provide(() => started.resolve(), { budgets: { claude: 1 }, onSpent: () => {} })
    await ask(rig)
    const request = startRequest(rig, { ...get, headers: [] })
    request.end()
    await started.promise
    request.destroy()
    await until('both are told', () => rig.passed.length === 2)
    expect(rig.passed).toMatchObject([
      { verdict: 'metered', status: 402, answerBytes: 0 },
      { verdict: 'routed', status: null, answerBytes: 0 },
    ])
  })

  it('a refused CONNECT as well (S06)', async () => {
    const { rig } = await provide()
    await expect(dialTunnel(rig, `${openHost}:22`)).rejects.toThrow(/only ports 443 and 80 are open/)
    expect(rig.denials).toMatchObject([{ method: 'CONNECT', host: `${openHost}:22`, status: 403 }])
  })
})

function fieldsOf({ seen }: MeteredUpstream, index = 0): Record<string, string | undefined> {
  const raw = seen[index]?.rawHeaders ?? []
  const fields: Record<string, string> = {}
  for (let at = 0; at + 1 < raw.length; at += 2) fields[raw[at]?.toLowerCase() ?? ''] = raw[at + 1] ?? ''
  return fields
}

/** The value once it has stood still for many turns of the loop. */
async function quiet(read: () => number): Promise<number> {
  let [last, turns] = [read(), 0]
  await until('it stands still', () => {
    const now = read()
    turns = now === last ? turns + 1 : 0
    last = now
    return turns > 20
  })
  return last
}
