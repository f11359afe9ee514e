import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { proxyLimits } from '../../src/proxy/limits.ts'
import { anthropicStream } from '../fakes/event-streams.ts'
import {
  answerSmall,
  leadingTo,
  type MeteredUpstream,
  startProviderUpstream,
  startScriptedUpstream,
} from '../fakes/metered-upstream.ts'
import {
  anthropicHost,
  ask,
  dial,
  dialTls,
  keepAliveAgent,
  metered,
  open,
  readAnswer,
  readToClose,
  secure,
  startRequest,
} from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'
import { startRawUpstream, type Upstream } from '../fakes/raw-upstream.ts'
import { until } from '../fakes/until.ts'

/** Of clients that leave in each phase of a request. */
const abortRounds = Number(process.env.BOT_BOTTLE_ABORT_ROUNDS ?? 100)

let stack = new AsyncDisposableStack()

afterEach(async () => {
  vi.useRealTimers()
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function through(upstream: Upstream, options: Partial<ProxyRigOptions> = {}): Promise<ProxyRig> {
  stack.use(upstream)
  return stack.use(await openProxyRig({ budgets: { claude: 1_000_000_000 }, ...leadingTo(upstream), ...options }))
}

async function provide(
  onRequest?: Parameters<typeof startProviderUpstream>[0],
  options?: Partial<ProxyRigOptions>,
): Promise<{ readonly upstream: MeteredUpstream; readonly rig: ProxyRig }> {
  const upstream = await startProviderUpstream(onRequest)
  return { upstream, rig: await through(upstream, options) }
}

/** No exchange is open, nothing is held, and the counters agree with the events (I5, I6). */
async function expectAllSettled(rig: ProxyRig): Promise<void> {
  await rig.settled(rig.started.length)
  expect((await rig.counterOf('claude')).reservedTokens).toBe(0)
  expect(await rig.ledger.verify()).toEqual([])
  expect(rig.bugs).toEqual([])
}

const messageOf = (body: Buffer) => JSON.parse(body.toString()).error.message as string
const streamHead = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const [start = '', ...rest] = anthropicStream({ deltas: ['a', 'b'] })

/** What an upstream does in place of an answer; a reset goes below its TLS. */
function breakOff(
  how: string | ((socket: Socket) => unknown),
  { socket, upstream }: { readonly socket: Socket; readonly upstream: Upstream },
): void {
  if (typeof how === 'string') upstream.resetConnections()
  else how(socket)
}

describe('an upstream that answers badly', () => {
  it.each([
    ['resets at once', 'reset', 502],
    ['closes without a byte', (socket: Socket) => socket.end(), 502],
    ['closes in its head', (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-'), 502],
    ['sends garbage', (socket: Socket) => socket.end('\0\x01\x02 garbage\r\n\r\n'), 502],
    ['speaks HTTP/2', (socket: Socket) => socket.end('\0\0\x12\x04\0\0\0\0\0'), 502],
    ['has a status below 100', (socket: Socket) => socket.end('HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n'), 502],
    ['has a status of 000', (socket: Socket) => socket.end('HTTP/1.1 000 Odd\r\ncontent-length: 0\r\n\r\n'), 502],
    [
      'has a control in its reason',
      (socket: Socket) => socket.end('HTTP/1.1 200 O\x01K\r\ncontent-length: 0\r\n\r\n'),
      502,
    ],
    [
      'has a control in a field',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nx-a: \x01\r\ncontent-length: 0\r\n\r\n'),
      502,
    ],
    [
      'has a DEL in a field',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nx-a: a\x7fb\r\ncontent-length: 0\r\n\r\n'),
      502,
    ],
    [
      'has two lengths',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'),
      502,
    ],
    ['has an endless head', (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(200_000)}`), 502],
    [
      'switches protocols unasked',
      (socket: Socket) => socket.write('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
      502,
    ],
  ])(
    '%s: the client reads 502, the input is charged, later requests are served (H14)',
    async (title, answer, status) => {
      let isBad = true
      const upstream = await startScriptedUpstream((socket) => {
        if (isBad) breakOff(answer, { socket, upstream })
        else socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}')
      })
      const rig = await through(upstream)
      const failed = await ask(rig)
      expect(failed.status).toBe(status)
      expect(messageOf(failed.body)).toMatch(/^bot-bottle: api\.anthropic\.com could not be reached: /)
      expect(upstream.connectionCount).toBe(1)
      isBad = false
      expect((await ask(rig)).status).toBe(200)
      await expectAllSettled(rig)
      expect(rig.settlements[0]?.ending).toBe('upstream_reset')
      // A status that no provider has is an error of the provider, which costs nothing.
      expect(rig.settlements[0]?.source).toBe(title.includes('status') ? 'unsent' : 'estimated')
    },
  )

  it.each([
    ['resets in its body', 'reset'],
    ['closes in its body', (socket: Socket) => socket.end()],
    ['breaks its chunks', (socket: Socket) => socket.write('zz\r\nnot a chunk\r\n')],
  ])('%s: the client sees that it is broken, and what was seen is charged (H14, M07)', async (_, how) => {
    const upstream = await startScriptedUpstream((socket) => {
      socket.write(streamHead + chunk(start + rest.slice(0, 2).join('')), () => breakOff(how, { socket, upstream }))
    })
    const rig = await through(upstream)
    const answer = await ask(rig)
    expect(answer.status).toBe(200)
    expect(answer.isWhole).toBe(false)
    expect((start + rest.slice(0, 2).join('')).startsWith(answer.body.toString())).toBe(true)
    await expectAllSettled(rig)
    expect(rig.settlements[0]).toMatchObject({ ending: 'upstream_reset', source: 'partial' })
    expect(rig.settlements[0]?.chargeTokens).toBeGreaterThanOrEqual(11)
  })

  it('closes before the length that it announced: the client sees that it is broken (H14)', async () => {
    const upstream = await startScriptedUpstream((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort'),
    )
    const rig = await through(upstream)
    expect(await ask(rig)).toMatchObject({ status: 200, isWhole: false })
    await expectAllSettled(rig)
  })

  it('answers before it read the request: the client gets the answer, and no connection is left behind (H14)', async () => {
    let resume = () => {}
    const upstream = await startScriptedUpstream((socket) => {
      socket.pause()
      resume = () => socket.resume()
      socket.write('HTTP/1.1 413 Too Big\r\ncontent-length: 3\r\n\r\nbig')
    })
    const rig = await through(upstream)
    const answer = await ask(rig, { body: metered({ padding: 'x'.repeat(16 * 1024 * 1024) }) })
    expect(answer).toMatchObject({ status: 413, isWhole: true })
    await expectAllSettled(rig)
    resume()
    await until('the connection is closed', () => upstream.openConnectionCount === 0)
  })
})

describe('a pooled connection', () => {
  it('that the provider closed meanwhile costs the client nothing: the request goes out once more, on a fresh one', async () => {
    let answers = 0
    const upstream = await startScriptedUpstream((socket) => {
      answers += 1
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
      // Whatever comes next on this connection finds it closed.
      socket.once('data', () => upstream.resetConnections())
    })
    const rig = await through(upstream)
    for (let round = 0; round < 3; round += 1) expect((await ask(rig)).status).toBe(200)
    expect(answers).toBe(3)
    expect(upstream.connectionCount).toBe(3)
    await expectAllSettled(rig)
  })

  it.each([
    ['a moment before the provider may have begun to work is asked again', -1, { status: 200, connections: 2 }],
    ['when the provider may have begun to work is charged, not asked again', 0, { status: 502, connections: 1 }],
  ])('that breaks %s', async (_, marginMs, expected) => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const upstream = await startScriptedUpstream((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
      socket.once('data', () => {
        vi.advanceTimersByTime(proxyLimits.staleConnectionMs + marginMs)
        upstream.resetConnections()
      })
    })
    const rig = await through(upstream)
    await ask(rig)
    const { status } = await ask(rig)
    expect({ status, connections: upstream.connectionCount }).toEqual(expected)
    await expectAllSettled(rig)
    expect(rig.settlements[1]).toMatchObject(
      status === 200 ? { ending: 'complete' } : { ending: 'upstream_reset', source: 'estimated' },
    )
  })

  it('keeps no timeout of its idle time: a kept connection may think as long as a fresh one', async () => {
    const held: ServerResponse[] = []
    const asked = Promise.withResolvers<void>()
    const { rig, upstream } = await provide((request, response) => {
      request.resume()
      // Node's own servers announce five seconds; one is the shortest that a client keeps at all.
      if (upstream.requestCount === 1) return void response.setHeader('keep-alive', 'timeout=2').end('{}')
      held.push(response)
      asked.resolve()
    })
    await ask(rig)
    const answer = ask(rig)
    await asked.promise
    expect(upstream.connectionCount).toBe(1)
    // Longer than the second that was left of the announced two.
    await new Promise((resolve) => setTimeout(resolve, 1_400))
    held[0]?.end('{}')
    expect((await answer).status).toBe(200)
    await expectAllSettled(rig)
  })
})

describe('an upstream whose certificate', () => {
  const dayMs = 24 * 60 * 60 * 1000
  it.each([
    ['is for another name', { names: ['other.test'] }, /altnames|does not match/],
    ['is expired', { notBefore: new Date(Date.now() - 9 * dayMs), notAfter: new Date(Date.now() - dayMs) }, /expired/],
    ['is not valid yet', { notBefore: new Date(Date.now() + dayMs) }, /not yet valid/],
  ])(
    '%s is not spoken to: 502 with the reason, charge 0, no byte of the request (H16, C04)',
    async (_, certificate, why) => {
      const upstream = await startProviderUpstream(answerSmall, certificate)
      const rig = await through(upstream)
      const answer = await ask(rig)
      expect(answer.status).toBe(502)
      expect(messageOf(answer.body)).toMatch(why)
      expect(upstream.requestCount).toBe(0)
      await expectAllSettled(rig)
      expect(rig.settlements).toMatchObject([{ chargeTokens: 0, source: 'unsent', ending: 'unsent' }])
    },
  )

  it('is of an unknown authority is not spoken to, whatever the environment says (H16, C04)', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      const { rig, upstream } = await provide(answerSmall, { upstreamCa: null })
      const answer = await ask(rig)
      expect(answer.status).toBe(502)
      expect(messageOf(answer.body)).toContain('`upstream_ca`')
      expect(upstream.requestCount).toBe(0)
      await expectAllSettled(rig)
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
  })

  it('does not exist, because it speaks no TLS, is not spoken to (C04)', async () => {
    const upstream = await startRawUpstream((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'), {
      isPlain: true,
    })
    const rig = await through(upstream)
    expect((await ask(rig)).status).toBe(502)
    await expectAllSettled(rig)
    expect(rig.settlements[0]).toMatchObject({ chargeTokens: 0 })
  })

  it('cannot be seen, because nothing listens there, costs nothing (H14)', async () => {
    const upstream = await startProviderUpstream()
    await upstream[Symbol.asyncDispose]()
    const rig = await through(upstream)
    expect((await ask(rig)).status).toBe(502)
    await expectAllSettled(rig)
    expect(rig.settlements[0]).toMatchObject({ chargeTokens: 0, ending: 'unsent' })
  })
})

describe('a client that leaves', () => {
  const body = metered()
  const head = `POST /v1/messages HTTP/1.1\r\nhost: ${anthropicHost}\r\ncontent-length: ${body.length}\r\n\r\n`

  it(
    `at any phase, ${abortRounds} times, leaves nothing behind: no hold, no exchange, no connection, no descriptor (H14, I5)`,
    async () => {
      const asked: ServerResponse[] = []
      let onAsked = () => {}
      const { rig, upstream } = await provide((request, response) => {
        request.resume()
        asked.push(response)
        onAsked()
      })
      const whenAsked = () => new Promise<void>((resolve) => (onAsked = resolve))
      const phases: readonly ((socket: Socket) => Promise<void>)[] = [
        async () => {},
        async (socket) => void socket.write(head.slice(0, 30)),
        async (socket) => void socket.write(head),
        async (socket) => void socket.write(head + body.slice(0, 20)),
        async (socket) => void socket.write(head + body),
        async (socket) => {
          const waiting = whenAsked()
          socket.write(head + body)
          await waiting
        },
        async (socket) => {
          const waiting = whenAsked()
          socket.write(head + body)
          await waiting
          asked.at(-1)?.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
          await once(socket, 'data')
        },
        async (socket) => {
          const waiting = whenAsked()
          socket.write(head + body + head + body)
          await waiting
          asked.at(-1)?.writeHead(200, { 'content-type': 'text/event-stream' }).write(`${start}data: {"half`)
          await once(socket, 'data')
        },
      ]
      const leaves = ['destroySoon', 'destroy', 'resetAndDestroy'] as const
      const leaveInEachPhase = async (round: number) => {
        for (const [index, phase] of phases.entries()) {
          const raw = await dial(rig.ports.tls)
          const socket = await secure(rig, raw, anthropicHost)
          await phase(socket)
          const leave = leaves[(round + index) % leaves.length]
          if (leave === 'destroySoon' || leave === 'destroy') socket[leave]()
          else raw.resetAndDestroy()
        }
      }
      const allClosed = async () => {
        await until('every exchange is over', () => rig.proxy.openExchanges === 0)
        await until('every connection is closed', async () => (await rig.openConnections()) === 0)
        await until('every connection to the upstream is closed', () => upstream.openConnectionCount === 0)
        asked.length = 0
        return (await readdir('/proc/self/fd')).length
      }
      for (let round = 0; round < leaves.length; round += 1) await leaveInEachPhase(round)
      const descriptors = await allClosed()
      for (let round = 0; round < abortRounds; round += 1) await leaveInEachPhase(round)
      expect(await allClosed()).toBeLessThanOrEqual(descriptors)
      const raw = connect(rig.ports.tls, '127.0.0.1')
      raw.write('\x16\x03\x01')
      await once(raw, 'connect')
      raw.resetAndDestroy()
      await allClosed()
      await expectAllSettled(rig)
      expect(rig.started.length).toBeGreaterThanOrEqual(3 * abortRounds)
    },
    30_000 + abortRounds * 1_000,
  )

  it('while it sends more requests than it may takes all of them along (H08, H14)', async () => {
    const asked = Promise.withResolvers<ServerResponse>()
    const { rig, upstream } = await provide((request, response) => {
      request.resume()
      asked.resolve(response)
    })
    const socket = await dialTls(rig)
    socket.write((head + body).repeat(5))
    const response = await asked.promise
    const gone = once(response, 'close')
    socket.destroy()
    await gone
    await until('every exchange is over', () => rig.proxy.openExchanges === 0)
    expect(upstream.requestCount).toBe(1)
    await expectAllSettled(rig)
  })
})

describe('a refusal', () => {
  it('is read whole by a client that still sends a large body (E02)', async () => {
    const { rig } = await provide()
    const padding = 'x'.repeat(3 * 1024 * 1024)
    for (let round = 0; round < 10; round += 1) {
      const answer = await ask(rig, { path: '/v1/files', body: metered({ padding }) })
      expect(answer).toMatchObject({ status: 403, isWhole: true })
    }
  })

  it('is read by a client that looks for an answer only when it has sent everything (E02)', async () => {
    const { rig } = await provide()
    const padding = 'x'.repeat(8 * 1024 * 1024)
    const socket = await dialTls(rig)
    socket.pause()
    const sent = new Promise((resolve) => {
      socket.write(`POST /v1/files HTTP/1.1\r\nhost: ${anthropicHost}\r\ncontent-length: ${padding.length}\r\n\r\n`)
      socket.write(padding, resolve)
    })
    expect(await sent).toBeFalsy()
    expect(await readToClose(socket)).toMatch(/^HTTP\/1\.1 403 /)
  })

  it('ends the connection of a client that does not stop sending, within a bound (H13)', async () => {
    const { rig } = await provide()
    const request = startRequest(rig, { path: '/v1/files', headers: ['content-length', '1000000000'] })
    request.flushHeaders()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const closed = new Promise((resolve) => response.socket.once('close', resolve))
    expect((await readAnswer(response)).status).toBe(403)
    await closed
  })

  it('of a body beyond the limit is read by the client that sends it in chunks (H13)', async () => {
    const { rig, upstream } = await provide()
    const request = startRequest(rig, { headers: ['transfer-encoding', 'chunked'] })
    const answered = once(request, 'response')
    const block = Buffer.alloc(1024 * 1024, 'x')
    for (let count = 0; count <= 64; count += 1) {
      if (!request.write(block)) await Promise.race([once(request, 'drain'), answered])
    }
    const [response] = await answered
    expect((await readAnswer(response)).status).toBe(413)
    request.destroy()
    expect(upstream.connectionCount).toBe(0)
  })
})

describe('a ledger that fails', () => {
  const failing = (change: Partial<Ledger>) => ({ wrapLedger: (ledger: Ledger) => ({ ...ledger, ...change }) })

  it('to reserve refuses the request: 5xx, nothing is dialled (I5, I9)', async () => {
    const { BottleError } = await import('../../src/core/errors.ts')
    for (const error of [new BottleError('ledger_unusable', 'the disk is full'), new Error('a bug')]) {
      const { rig, upstream } = await provide(answerSmall, failing({ reserve: () => Promise.reject(error) }))
      const { status, body } = await ask(rig)
      expect(status).toBeGreaterThanOrEqual(500)
      expect(messageOf(body)).toMatch(/^bot-bottle: the (disk is full|proxy failed)/)
      expect(upstream.connectionCount).toBe(0)
      expect(rig.bugs).toEqual(error instanceof BottleError ? [] : [error])
      expect((await ask(rig, { method: 'GET', path: '/v1/models' })).status).toBe(200)
    }
  })

  it('never to answer dials nothing, and lets a client go that leaves (I9)', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<{ readonly kind: 'reserved' }>()
    const { rig, upstream } = await provide(
      answerSmall,
      failing({
        reserve: () => {
          asked.resolve()
          return answer.promise
        },
        settle: async () => ({ kind: 'already_settled' }),
      }),
    )
    const request = startRequest(rig, { headers: ['content-length', String(metered().length)] })
    request.end(metered())
    await asked.promise
    const closed = new Promise((resolve) => request.once('close', resolve))
    request.destroy()
    await closed
    await until('the proxy sees it', async () => (await rig.openConnections()) === 0)
    answer.resolve({ kind: 'reserved' })
    await until('the exchange is over', () => rig.proxy.openExchanges === 0)
    expect(upstream.connectionCount).toBe(0)
  })

  it('to settle is reported; the answer stays as it was, and the hold stays for the next start (I5)', async () => {
    const { BottleError } = await import('../../src/core/errors.ts')
    for (const error of [new BottleError('ledger_unusable', 'the disk is full'), new Error('a bug')]) {
      const { rig } = await provide(answerSmall, failing({ settle: () => Promise.reject(error) }))
      expect(await ask(rig)).toMatchObject({ status: 200, isWhole: true })
      await until('the failure is reported', () => rig.bugs.length === 1)
      expect(rig.bugs).toEqual([error])
      expect((await rig.counterOf('claude')).reservedTokens).toBeGreaterThan(0)
    }
  })

  it('to extend ends the stream with an error once the hold is used up, without an unhandled rejection (I9)', async () => {
    const deltas = Array(200).fill('sixteen letters. ')
    const { rig } = await provide(
      (request, response) => {
        request.resume()
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const event of anthropicStream({ deltas })) response.write(event)
      },
      failing({ extend: () => Promise.reject(new Error('disk full')) }),
    )
    const answer = await ask(rig)
    expect(answer.isWhole).toBe(true)
    expect(answer.body.toString()).toContain('the ledger cannot be written, so nothing passes')
    await rig.settled(1)
    expect(rig.settlements[0]?.ending).toBe('cut')
    expect(rig.spent).toEqual([])
  })
})

it('closes everything when the bottle ends, also what is half open', async () => {
  const { rig, upstream } = await provide((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
  })
  const streaming = await open(rig)
  using agent = keepAliveAgent()
  await ask(rig, { path: '/v1/files', agent })
  const idle = await dialTls(rig)
  const half = connect(rig.ports.tls, '127.0.0.1')
  await once(half, 'connect')
  const closed = [readToClose(idle), readToClose(half), readAnswer(streaming)] as const
  await rig[Symbol.asyncDispose]()
  await Promise.all(closed)
  await until('the upstream is left', () => upstream.openConnectionCount === 0)
})
