/** The way through a company's proxy: the same exchanges, the same meter, the same guard. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { anthropicStream } from '../fakes/event-streams.ts'
import { startHttp2Upstream } from '../fakes/http2-upstream.ts'
import { smallUsage, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { openProxiedRig, type ProxiedOptions, proxiedHost } from '../fakes/proxied-rig.ts'
import { anthropicHost, ask, open, readAnswer, startRequest } from '../fakes/proxy-client.ts'
import type { ProxyRig } from '../fakes/proxy-rig.ts'
import type { Upstream } from '../fakes/raw-upstream.ts'
import { create, openResponsesSocket } from '../fakes/responses-socket.ts'
import { startSocketUpstream } from '../fakes/socket-upstream.ts'
import { until } from '../fakes/until.ts'

const host = proxiedHost
let stack = new AsyncDisposableStack()
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const { bugs } of rigs.splice(0)) expect(bugs).toEqual([])
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

const through = async (upstream: Pick<Upstream, 'port' | 'caCertificate'>, options?: ProxiedOptions) => {
  const proxied = await openProxiedRig(stack, upstream, options)
  rigs.push(proxied.rig)
  return proxied
}
const provide = async (options?: ProxiedOptions) => {
  const upstream = stack.use(await startProviderUpstream(undefined, { names: [anthropicHost, proxiedHost] }))
  return { upstream, ...(await through(upstream, options)) }
}

describe.each([
  ['http, with a credential', { credential: 'ada:p:w', secret: 'ada:p:w' }],
  ['https, with a credential', { isSecure: true, credential: 'ada:pw', secret: 'ada:pw' }],
] as const)('through a proxy (%s)', (_, options) => {
  test('requests are metered as reported, and share connections', async () => {
    const { upstream, proxy, rig } = await provide(options)
    for (let request = 0; request < 5; request += 1) expect((await ask(rig)).status).toBe(200)
    await rig.settled(5)
    const { input_tokens, output_tokens } = smallUsage
    expect(rig.settlements).toMatchObject(
      Array(5).fill({ chargeTokens: input_tokens + output_tokens, source: 'authoritative', ending: 'complete' }),
    )
    expect(proxy.asked).toEqual([`${anthropicHost}:443`])
    expect(upstream.connectionCount).toBe(1)
  })

  test('a proxy sees a name and its own credential, never what passes (C04)', async () => {
    const { proxy, rig, upstream } = await provide(options)
    await ask(rig)
    expect(await upstream.seen[0]?.body).toContain('claude')
    const names = (proxy.heads[0] ?? []).filter((_, index) => index % 2 === 0)
    expect(names).toEqual(['host', 'connection', 'proxy-authorization'])
    expect(proxy.passedText()).not.toContain('real-claude-key')
    expect(upstream.seen[0]?.rawHeaders.join()).not.toMatch(/proxy/i)
  })

  test('a stream flows event by event, and is charged to the token', async () => {
    const [first = '', ...rest] = anthropicStream({ deltas: ['Hello', ' there'] })
    let go = () => {}
    const upstream = stack.use(
      await startProviderUpstream(
        (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first)
          go = () => void response.end(rest.join(''))
        },
        { names: [anthropicHost] },
      ),
    )
    const { rig } = await through(upstream, options)
    const response = await open(rig)
    const [chunk] = (await once(response, 'data')) as [Buffer]
    expect(chunk.toString()).toBe(first)
    go()
    expect((await readAnswer(response)).body.toString()).toBe(rest.join(''))
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ source: 'authoritative', ending: 'complete' }])
  })

  test('an upload of any length streams', async () => {
    const answerAtTheEnd: Parameters<typeof startProviderUpstream>[0] = (request, response) => {
      request.once('end', () => response.end('thanks'))
    }
    const upstream = stack.use(await startProviderUpstream(answerAtTheEnd, { names: [host] }))
    const { rig } = await through(upstream, options)
    const upload = startRequest(rig, { host, path: '/upload' })
    const answered = once(upload, 'response') as Promise<[IncomingMessage]>
    upload.write('x'.repeat(200_000))
    await until('it has begun to arrive', () => upstream.requestCount === 1)
    upload.end('y'.repeat(200_000))
    const [response] = await answered
    expect((await readAnswer(response)).status).toBe(200)
    expect((await upstream.seen[0]?.body)?.length).toBe(400_000)
  })

  test('a WebSocket of Codex passes and is metered (H15)', async () => {
    const upstream = stack.use(await startSocketUpstream())
    const { proxy, rig } = await through(upstream, options)
    const socket = stack.use(await openResponsesSocket({ port: rig.ports.tls, ca: rig.caCertificate }))
    socket.send(create())
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 10, source: 'authoritative' }])
    expect(proxy.asked).toEqual(['api.openai.com:443'])
  })

  test('a provider that speaks HTTP/2 only is found out, asked in one session, and sent a first upload whole', async () => {
    const events = anthropicStream({ deltas: ['Hello'] }).join('')
    const upstream = stack.use(
      await startHttp2Upstream((stream) => {
        stream.resume()
        stream.once('end', () => {
          stream.respond({ ':status': 200, 'content-type': 'text/event-stream' })
          stream.end(events)
        })
      }),
    )
    const { proxy, rig } = await through(upstream, options)
    for (let request = 0; request < 3; request += 1) expect((await ask(rig)).body.toString()).toBe(events)
    await Promise.all(Array.from({ length: 8 }, () => ask(rig)))
    await rig.settled(11)
    for (const { source } of rig.settlements) expect(source).toBe('authoritative')
    expect(upstream.sessions).toHaveLength(1)
    expect(proxy.asked).toHaveLength(2)
  })
})

describe('what the way through a proxy refuses', () => {
  const failed = async (rig: ProxyRig) => {
    const { status, body } = await ask(rig)
    return `${status} ${body}`
  }

  test.each([
    ['asks for a credential', { credential: 'ada:pw' }, 'the upstream proxy asks for a credential (407)'],
    ['refuses the credential', { credential: 'ada:pw', secret: 'ada:no' }, 'refused its credential (407)'],
    ['does not lead there', { leadTo: () => undefined }, 'the upstream proxy refused the connection: 502 Bad Gateway'],
    [
      'speaks of something else',
      { onConnect: (client) => void client.end('SSH-2.0-OpenSSH_9\r\n\r\n') },
      'the upstream proxy cannot be reached: Parse Error',
    ],
    [
      'has an endless head',
      { onConnect: (client) => void client.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`) },
      'the upstream proxy cannot be reached: Parse Error: Header overflow',
    ],
    [
      'sends bytes before the server does',
      { onConnect: (client) => void client.write('HTTP/1.1 200 OK\r\n\r\nhello') },
      'the upstream proxy sent bytes of its own into the connection',
    ],
    [
      'hangs up behind its answer',
      { onConnect: (client) => void client.end('HTTP/1.1 200 OK\r\n\r\n') },
      'before secure TLS connection was established',
    ],
  ] satisfies [string, ProxiedOptions, string][])(
    'a proxy that %s is told, and nothing is charged (H14)',
    async (_, options, message) => {
      const { rig, proxy, upstream } = await provide(options)
      const answer = await failed(rig)
      expect(answer).toContain(message)
      expect(answer).toMatch(/^502 /)
      expect(upstream.requestCount).toBe(0)
      await rig.settled(1)
      expect(rig.settlements).toMatchObject([{ chargeTokens: 0 }])
      await until('nothing is left open', () => proxy.openConnections === 0)
    },
  )

  test('a proxy that is not there, and one with a certificate that nobody vouches for, are told (H16)', async () => {
    const { rig, proxy } = await provide()
    await proxy[Symbol.asyncDispose]()
    expect(await failed(rig)).toContain('the upstream proxy cannot be reached: connect ECONNREFUSED')
    const upstream = stack.use(await startProviderUpstream())
    const strange = await through(upstream, { isSecure: true, rig: { upstreamCa: upstream.caCertificate } })
    expect(await failed(strange.rig)).toMatch(/the upstream proxy cannot be reached: .*certificate/)
  })

  test('a server behind it with a certificate for another name gets not a byte of the request (H16, S08)', async () => {
    const upstream = stack.use(await startProviderUpstream(undefined, { names: ['intranet.corp.test'] }))
    const { rig, proxy } = await through(upstream)
    expect(await failed(rig)).toContain('does not match certificate')
    expect(proxy.asked).toEqual([`${anthropicHost}:443`])
    expect(upstream.requestCount).toBe(0)
  })

  test.each([['127.0.0.1'], ['93.184.216.34', '10.0.0.7'], ['169.254.169.254'], ['::ffff:192.168.0.1']])(
    'a name that resolves here to %s is not asked of the proxy (S08, H05)',
    async (...addresses) => {
      const { rig, proxy } = await provide({ addresses })
      const answer = await failed(rig)
      expect(answer).toContain(`resolves to ${addresses.at(-1)}, which no bottle may reach`)
      expect(proxy.asked).toEqual([])
    },
  )

  test('an address is no host, whoever would resolve it (H04, S08)', async () => {
    const { rig, proxy } = await provide()
    const socket = connect(rig.ports.proxy, '127.0.0.1')
    socket.write('CONNECT 169.254.169.254:443 HTTP/1.1\r\nhost: x\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 403 /)
    socket.destroy()
    expect(proxy.asked).toEqual([])
  })
})

describe('what goes around a proxy', () => {
  test('hosts that no_proxy names are dialled from here, checked and pinned (H05)', async () => {
    for (const rule of [
      { kind: 'name', name: host },
      { kind: 'suffix', suffix: 'example.org' },
    ] as const) {
      const { rig, proxy } = await provide({ direct: [rule] })
      expect((await ask(rig, { host, method: 'GET', path: '/' })).body.toString()).not.toContain('upstream proxy')
      expect(proxy.asked).toEqual([])
      expect((await ask(rig)).status).toBe(200)
      expect(proxy.asked).toEqual([`${anthropicHost}:443`])
    }
  })

  test('an upstream of the settings is asked of the proxy, unless it is this host or no_proxy has its address', async () => {
    const upstream = stack.use(await startProviderUpstream())
    const asked = async (url: string, direct: ProxiedOptions['direct'] = []) => {
      const { rig, proxy } = await through(upstream, {
        direct,
        addresses: ['10.0.0.7'],
        rig: { upstreams: new Map([[anthropicHost, new URL(url)]]) },
      })
      const { status } = await ask(rig)
      return { status, asked: proxy.asked }
    }
    expect(await asked('https://10.9.9.9:8443')).toEqual({ status: 200, asked: ['10.9.9.9:8443'] })
    expect(await asked('https://[fd00::9]:8443')).toEqual({ status: 200, asked: ['[fd00::9]:8443'] })
    expect(await asked(`https://127.0.0.1:${upstream.port}`)).toEqual({ status: 200, asked: [] })
    const loopback = { kind: 'range', address: '127.0.0.0', prefixBits: 8, family: 'ipv4' } as const
    expect(await asked(`https://127.0.0.1:${upstream.port}`, [loopback])).toEqual({ status: 200, asked: [] })
  })
})
