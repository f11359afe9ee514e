/**
 * Thousands of HTTP/1.1 requests that are almost right, in TLS and on the plain ports: nothing crashes, nothing is left behind, and
 * an upstream sees what was decided on, not one request more. `BOT_BOTTLE_FRONT_FUZZ_RUNS` says how many, `BOT_BOTTLE_FUZZ_SEED` which.
 */
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { expectDecided } from '../fakes/decided-requests.ts'
import { answerSmall, leadingTo, providerHosts, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { mutated, mutations } from '../fakes/mutation.ts'
import { anthropicHost, ask, dial, dialTls, dialTunnel, metered, openaiHost, secure } from '../fakes/proxy-client.ts'
import { openProxyRig } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'

const clientsAtOnce = 16
const rounds = Math.ceil(Number(process.env.BOT_BOTTLE_FRONT_FUZZ_RUNS ?? 2_000) / clientsAtOnce)
const seed = Number(process.env.BOT_BOTTLE_FUZZ_SEED ?? 20_260_101)
/** Of the event loop. */
const patienceTurns = 40

const routeHost = 'www.example.org'
const routes = [{ host: routeHost, methods: ['GET', 'PUT'], paths: ['/open/**'] }]
const body = metered({ stream: false })
const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\nx-trailer: 1\r\n\r\n`
const request = (line: string, host: string, fields = '', content = '') =>
  `${line} HTTP/1.1\r\nhost: ${host}\r\n${fields}\r\n${content}`
const messages = 'POST /v1/messages'

/** Sound, or refused as a whole. */
const corpus: readonly [name: string, bytes: string][] = [
  [anthropicHost, request(messages, anthropicHost, `content-length: ${body.length}\r\n`, body)],
  [anthropicHost, request(messages, anthropicHost, 'transfer-encoding: chunked\r\n', chunks)],
  [anthropicHost, request(messages, anthropicHost, `expect: 100-continue\r\ncontent-length: ${body.length}\r\n`, body)],
  [anthropicHost, request('GET /v1/models?limit=2', anthropicHost, 'x-api-key: mine\r\ncookie: a=b\r\n')],
  [anthropicHost, request('GET /v1/models', anthropicHost, 'connection: x-api-key, te\r\nte: trailers\r\n')],
  [anthropicHost, request('GET /v1/models', anthropicHost, 'upgrade: h2c\r\nconnection: upgrade\r\n')],
  [anthropicHost, request('GET /v1/models', anthropicHost, 'upgrade: websocket\r\nconnection: upgrade\r\n')],
  [anthropicHost, request('GET /v1/files', anthropicHost)],
  [openaiHost, request('POST /v1/responses', openaiHost, 'content-length: 13\r\n', '{"model":"x"}')],
  [routeHost, request('GET /open/a%20b', routeHost)],
  [routeHost, request('PUT /open/a', routeHost, 'transfer-encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n')],
  [routeHost, request('PUT /open/a', routeHost, 'content-length: 3\r\n', 'abc')],
  [routeHost, request('GET /closed', routeHost)],
  [routeHost, request(`GET http://${routeHost}/open/a`, routeHost)],
  [routeHost, request('TRACE /open/a', routeHost)],
  [routeHost, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
]

const tokens: readonly [string, ...string[]] = [
  '\r\n',
  ...['\n', '\r', '\r\n\r\n', '\0', ' ', '\t', ':', ',', ';', '\x0b', '\x80', '\xff', '"'],
  ...['transfer-encoding: chunked\r\n', 'Transfer-Encoding : chunked\r\n', 'transfer-encoding: gzip, chunked\r\n'],
  ...[
    'content-length: 5\r\n',
    'content-length: 0\r\n',
    'Content_Length: 5\r\n',
    'content-length: 5, 5\r\n',
    ' folded\r\n',
  ],
  ...[
    'host: evil.test\r\n',
    `host: ${routeHost}\r\n`,
    'Proxy_Authorization: x\r\n',
    'connection: host\r\n',
    'evil.test',
  ],
  ...['%2e%2e', '/../', '//', '%2f', '%00', '%', '\\', '#', '?', '@', ';x', 'http://evil.test', '/open/', '/closed'],
  ...['0\r\n\r\n', '3\r\nabc\r\n', 'ffffffffffffffff\r\n', ';ext="\n"', 'HTTP/1.0', 'HTTP/0.9', 'X'.repeat(5_000)],
  request('GET /closed', routeHost),
  request('GET /v1/files', anthropicHost),
  request('GET /', 'evil.test'),
]

const attempt = fc.record({
  first: fc.constantFrom(...corpus),
  second: fc.option(fc.constantFrom(...corpus), { freq: 3 }),
  changes: fc.array(mutations(tokens), { maxLength: 4 }),
  way: fc.constantFrom('tls', 'tls', 'tls', 'tunnel', 'http', 'proxy'),
  isPatient: fc.boolean(),
})
type Attempt = typeof attempt extends fc.Arbitrary<infer Shape> ? Shape : never

beforeAll(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }))
afterAll(() => void vi.useRealTimers())

test(
  `requests that are broken in any way end, and an upstream sees decided ones only, seed ${seed} (H01, H08, H09, H12, H14)`,
  async () => {
    await using upstream = await startProviderUpstream(answerSmall, { names: [...providerHosts, routeHost] })
    const leading = leadingTo(upstream)
    const upstreams = new Map([...leading.upstreams, [routeHost, new URL(`https://127.0.0.1:${upstream.port}`)]])
    const budgets = { claude: 1_000_000_000, codex: 1_000_000_000 }
    await using rig = await openProxyRig({ ...leading, upstreams, routes, budgets })
    const connect = async (name: string, way: Attempt['way']): Promise<Socket> => {
      if (way === 'tls') return dialTls(rig, name)
      if (way === 'tunnel') return secure(rig, await dialTunnel(rig, `${name}:443`), name)
      return dial(way === 'http' ? rig.ports.http : rig.ports.proxy)
    }
    const run = async ({ first: [name, bytes], second, changes, way, isPatient }: Attempt) => {
      const socket = await connect(name, way)
      let isAnswered = false
      socket.on('data', () => {
        isAnswered = true
      })
      socket.write(changes.reduce(mutated, Buffer.from(bytes + (second?.[1] ?? ''), 'latin1')))
      // Half of the clients stay for an answer, the others go in the middle of it.
      const turns = isPatient ? patienceTurns : patienceTurns / 8
      for (let turn = 0; turn < turns && !socket.destroyed && !(isAnswered && !second); turn += 1) await setImmediate()
      socket.destroySoon()
    }
    const all = fc.array(attempt, { minLength: clientsAtOnce, maxLength: clientsAtOnce })
    await fc.assert(
      fc.asyncProperty(all, async (attempts) => {
        await Promise.all(attempts.map(run))
        expect(rig.bugs).toEqual([])
      }),
      { numRuns: rounds, seed, endOnFailure: true },
    )
    await until('every exchange is over, every connection closed', async () => {
      vi.advanceTimersByTime(60_000)
      return rig.proxy.openExchanges === 0 && (await rig.openConnections()) === 0
    })
    await rig.settled(rig.started.length)
    expectDecided(upstream.seen, { rig, routes })
    // Most are refused or left; how many are not depends on how busy the machine is.
    expect(upstream.seen.length).toBeGreaterThan(rounds / 10)
    expect(rig.passed.some(({ verdict }) => verdict === 'routed')).toBe(true)
    expect((await ask(rig)).status).toBe(200)
    for (const provider of ['claude', 'codex']) expect((await rig.counterOf(provider)).reservedTokens).toBe(0)
    expect(await rig.ledger.verify()).toEqual([])
    expect(rig.bugs).toEqual([])
  },
  60_000 + rounds * 400,
)
