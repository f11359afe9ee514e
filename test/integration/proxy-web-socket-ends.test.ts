import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { operatorCutMessage } from '../../src/core/budget/wording.ts'
import { startSimulatedProvider } from '../../src/demo/provider/simulated-provider.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { leadingTo } from '../fakes/metered-upstream.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'
import { create, openResponsesSocket, type ResponsesSocket, type SocketOptions } from '../fakes/responses-socket.ts'
import {
  responseEvents,
  type SocketUpstream,
  type SocketUpstreamOptions,
  startSocketUpstream,
} from '../fakes/socket-upstream.ts'
import { until } from '../fakes/until.ts'

/** The waits of the product are minutes; these show the same in less. */
vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  const shorter = {
    pendingWaitMs: 100,
    extendWaitMs: 100,
    maxMessageBytes: 4 * 1024 * 1024,
  }
  return { ...limits, proxyLimits: { ...limits.proxyLimits, ...shorter } as never }
})

let stack = new AsyncDisposableStack()
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const rig of rigs.splice(0)) {
    await rig.settled(rig.started.length)
    expect(rig.bugs).toEqual([])
    expect(await rig.ledger.verify()).toEqual([])
    for (const { reservedTokens } of await rig.ledger.counters()) expect(reservedTokens).toBe(0)
  }
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function rigOn(upstream: Parameters<typeof leadingTo>[0], options: Partial<ProxyRigOptions> = {}) {
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), budgets: { codex: 1_000_000 }, ...options }))
  rigs.push(rig)
  return rig
}

async function open(rig: ProxyRig, options: Partial<SocketOptions> = {}): Promise<ResponsesSocket> {
  return stack.use(await openResponsesSocket({ port: rig.ports.tls, ca: rig.caCertificate, ...options }))
}

interface Stage {
  readonly upstream: SocketUpstream
  readonly rig: ProxyRig
  readonly socket: ResponsesSocket
}

async function provide(options: SocketUpstreamOptions = {}, rigOptions?: Partial<ProxyRigOptions>): Promise<Stage> {
  const upstream = stack.use(await startSocketUpstream(options))
  const rig = await rigOn(upstream, rigOptions)
  return { upstream, rig, socket: await open(rig) }
}

const [begin = '', delta = '', completed = ''] = responseEvents({ deltas: ['x'.repeat(640)] })
/** The first half of a response, which is 200 tokens by its bytes. */
const startOnly = (_: string, peer: WebSocket) => {
  peer.send(begin)
  peer.send(delta)
}
/** Half a response has come. */
async function startTurn({ socket }: Stage): Promise<void> {
  socket.send(create())
  await socket.next()
  await socket.next()
}
const untilLeft = ({ upstream }: Pick<Stage, 'upstream'>) =>
  until('the provider is left', () => upstream.openConnectionCount === 0)

describe('a WebSocket that ends in the middle of a turn', () => {
  it.each([
    ['closes', (socket: WebSocket) => socket.close(1000)],
    ['is gone without a word', (socket: WebSocket) => socket.terminate()],
    ['breaks the protocol', (socket: WebSocket) => socket.send('x', { compress: true, mask: false } as never)],
  ])('because the client %s: the provider is left at once, and what was seen is charged (M19)', async (_, leave) => {
    const stage = await provide({ onMessage: startOnly })
    await startTurn(stage)
    leave(stage.socket.socket)
    await stage.rig.settled(1)
    expect(stage.rig.settlements).toMatchObject([{ source: 'estimated', ending: 'client_gone' }])
    expect(stage.rig.settlements[0]?.chargeTokens).toBeGreaterThanOrEqual(200)
    await untilLeft(stage)
    await until('no connection is left', async () => (await stage.rig.openConnections()) === 0)
  })

  it.each([
    ['closes', (peer: WebSocket) => peer.close(1013, 'later'), 1013, 'later'],
    ['closes without a code', (peer: WebSocket) => peer.close(), 1005, ''],
    ['resets', (peer: WebSocket) => peer.terminate(), 1011, ''],
    ['sends what is no text', (peer: WebSocket) => peer.send(Buffer.from([1, 2])), 1011, ''],
    ['breaks the protocol', (peer: WebSocket) => peer.send('x', { mask: true }), 1011, ''],
  ])(
    'because the provider %s: the client hears it, and what was seen is charged (H14)',
    async (_, leave, code, reason) => {
      const stage = await provide({ onMessage: startOnly })
      await startTurn(stage)
      for (const peer of stage.upstream.sockets) leave(peer)
      expect(await stage.socket.closed).toEqual({ code, reason })
      await stage.rig.settled(1)
      expect(stage.rig.settlements).toMatchObject([{ source: 'estimated', ending: 'upstream_reset' }])
      expect(stage.rig.settlements[0]?.chargeTokens).toBeGreaterThanOrEqual(200)
      await untilLeft(stage)
    },
  )

  it('before anything of an answer came is charged its input (H14)', async () => {
    const stage = await provide({ onMessage: (_, peer) => peer.terminate() })
    stage.socket.send(create({ input: 'x'.repeat(7_000) }))
    await stage.rig.settled(1)
    expect(stage.rig.settlements).toMatchObject([{ source: 'estimated', ending: 'upstream_reset' }])
    expect(stage.rig.settlements[0]?.chargeTokens).toBeGreaterThan(1_000)
  })
})

describe('a WebSocket without a turn', () => {
  it('is closed when either side closes it, and nothing is charged (H14)', async () => {
    const byClient = await provide()
    byClient.socket.socket.close(1000)
    await byClient.socket.closed
    await untilLeft(byClient)
    const byProvider = await provide()
    byProvider.upstream.sockets[0]?.close(4321, 'bye')
    expect(await byProvider.socket.closed).toEqual({ code: 4321, reason: 'bye' })
    expect([byClient, byProvider].flatMap(({ rig }) => rig.started)).toEqual([])
  })

  it('answers pings, and is closed when a message is longer than its ceiling, in one frame or in many (H13)', async () => {
    const { rig, socket, upstream } = await provide()
    socket.socket.ping('are you there')
    expect(String((await once(socket.socket, 'pong'))[0])).toBe('are you there')
    const closed = socket.closed
    socket.send('x'.repeat(5 * 1024 * 1024))
    expect((await closed).code).toBe(1009)
    const pieces = await open(rig)
    for (let piece = 0; piece < 5_000 && pieces.socket.readyState === pieces.socket.OPEN; piece += 1) {
      pieces.socket.send('x', { fin: false })
    }
    expect((await pieces.closed).code).toBe(1008)
    await untilLeft({ upstream })
    expect(upstream.messages).toEqual([])
  })
})

describe('a cut', () => {
  const spent = {
    type: 'response.failed',
    response: { error: { code: 'invalid_prompt', message: operatorCutMessage } },
  }

  it('in the middle of a turn: the client reads why, the provider is left, what was seen is charged (E01, E03)', async () => {
    const stage = await provide({ onMessage: startOnly })
    await startTurn(stage)
    const { endedExchanges } = await stage.rig.proxy.cut(operatorCutMessage)
    const receivedBytes = stage.upstream.receivedBytes
    expect(endedExchanges).toBe(1)
    expect(stage.rig.proxy.openExchanges).toBe(0)
    expect(await stage.socket.next()).toMatchObject(spent)
    expect((await stage.socket.closed).code).toBe(1008)
    expect(stage.rig.settlements).toMatchObject([{ ending: 'cut', source: 'estimated' }])
    await untilLeft(stage)
    await until('no connection is left', async () => (await stage.rig.openConnections()) === 0)
    expect(stage.upstream.receivedBytes - receivedBytes).toBeLessThan(64)
    await expect(open(stage.rig)).rejects.toThrow('400')
    stage.rig.proxy.reopen()
    await open(stage.rig)
  })

  it('while a request is reserved for: it is never sent, costs nothing, and is answered (E03)', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    const stage = await provide(
      {},
      {
        wrapLedger: (ledger: Ledger) => ({
          ...ledger,
          async reserve(request) {
            asked.resolve()
            await answer.promise
            return ledger.reserve(request)
          },
        }),
      },
    )
    stage.socket.send(create())
    await asked.promise
    const cut = stage.rig.proxy.cut(operatorCutMessage)
    expect(await stage.socket.next()).toMatchObject(spent)
    answer.resolve()
    await cut
    expect(stage.upstream.messages).toEqual([])
    expect(stage.rig.settlements).toMatchObject([{ chargeTokens: 0, source: 'unsent', ending: 'unsent' }])
  })

  it('between two turns: the socket is closed without a word, and the next upgrade is answered (E02, E03)', async () => {
    const stage = await provide()
    await stage.socket.turn(create())
    await until('the turn is over', () => stage.rig.proxy.openExchanges === 0)
    expect(await stage.rig.proxy.cut(operatorCutMessage)).toEqual({ endedExchanges: 0 })
    expect((await stage.socket.closed).code).toBe(1008)
    expect(stage.socket.events).toHaveLength(3)
    await untilLeft(stage)
    await expect(open(stage.rig)).rejects.toThrow('400')
  })

  it('at any moment of many turns settles each of them once (E11, I5)', async () => {
    const stage = await provide()
    for (let round = 0; round < 20; round += 1) {
      const socket = await open(stage.rig)
      socket.send(create())
      if (round % 3 > 0) await socket.next()
      if (round % 3 > 1) await socket.next()
      await Promise.all([stage.rig.proxy.cut('bot-bottle: enough'), stage.rig.proxy.cut('bot-bottle: again')])
      await socket.closed
      stage.rig.proxy.reopen()
    }
    await stage.rig.settled(stage.rig.started.length)
    expect(new Set(stage.rig.settlements.map(({ attemptId }) => attemptId)).size).toBe(stage.rig.started.length)
  })
})

describe('a budget', () => {
  it('that runs out in mid-stream ends the response with one event that says so; what came is charged (E01)', async () => {
    const provider = stack.use(await startSimulatedProvider({ outputTokens: 400_000, tokensPerDelta: 4 }))
    const rig = await rigOn(provider, { budgets: { codex: 2_000 } })
    const socket = await open(rig)
    const events = await socket.turn(create())
    expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { error: { code: 'invalid_prompt' } } })
    expect(JSON.stringify(events.at(-1))).toContain('of 2,000 codex tokens used')
    expect((await socket.closed).code).toBe(1008)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ ending: 'cut', source: 'estimated' }])
    expect(rig.settlements[0]?.chargeTokens).toBeGreaterThanOrEqual(2_000)
    expect(rig.settlements[0]?.chargeTokens).toBeLessThan(2_100)
    await until('the provider stops', () => provider.served.at(-1)?.end === 'aborted')
    await expect(open(rig)).rejects.toThrow('400')
    expect(provider.served.filter(({ method }) => method === 'response.create')).toHaveLength(1)
  })

  it('that is spent refuses the request before it is sent, and the policy fires once (E02)', async () => {
    const stage = await provide({}, { budgets: { codex: 0 } })
    const [event] = await stage.socket.turn(create())
    expect(event).toMatchObject({ type: 'response.failed', response: { error: { code: 'invalid_prompt' } } })
    expect(JSON.stringify(event)).toContain('0 of 0 codex tokens used')
    expect((await stage.socket.closed).code).toBe(1008)
    expect(stage.socket.events).toHaveLength(1)
    expect(stage.upstream.messages).toEqual([])
    expect(stage.rig.spent).toHaveLength(1)
  })

  it('whose room is held by another socket lets the client ask again soon; nothing is cut (L03)', async () => {
    const stage = await provide({ onMessage: startOnly }, { budgets: { codex: 700 } })
    await startTurn(stage)
    const second = await open(stage.rig)
    const [event] = await second.turn(create({ input: 'x'.repeat(700) }))
    expect(event).toMatchObject({ type: 'response.failed', response: { error: { code: 'rate_limit_exceeded' } } })
    expect(JSON.stringify(event)).toMatch(/try again in 2 seconds/)
    expect(stage.rig.spent).toEqual([])
    stage.upstream.sockets[0]?.send(completed)
    await stage.rig.settled(1)
    second.send(create())
    expect((await second.next()).type).toBe('response.created')
    second.socket.terminate()
  })

  it('that a ledger does not extend ends the response once its hold is used up (I9)', async () => {
    const provider = stack.use(await startSimulatedProvider({ outputTokens: 5_000 }))
    const rig = await rigOn(provider, {
      wrapLedger: (ledger) => ({ ...ledger, extend: () => Promise.reject(new Error('disk full')) }),
    })
    const socket = await open(rig)
    const events = await socket.turn(create())
    expect(JSON.stringify(events.at(-1))).toContain('the ledger cannot be written, so nothing passes')
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ ending: 'cut' }])
    expect(rig.spent).toEqual([])
  })
})

describe('a client that does not read', () => {
  it('holds its provider back, and gets everything in the end (I4)', async () => {
    const texts = responseEvents({
      deltas: Array.from({ length: 3_000 }, (_, index) => `${index} ${'x'.repeat(8_000)}`),
    })
    let sent = 0
    const stage = await provide(
      {
        onMessage: async (_, peer) => {
          for (const text of texts) {
            await new Promise((resolve) => peer.send(text, resolve))
            sent += 1
          }
        },
      },
      { budgets: { codex: 100_000_000 } },
    )
    stage.socket.socket.pause()
    stage.socket.send(create())
    const looks: number[] = []
    await until('every pipe in between is full', () => {
      looks.push(sent)
      return sent > 0 && looks.at(-20) === sent
    })
    expect(sent).toBeLessThan(texts.length / 2)
    stage.socket.socket.resume()
    await until('it has everything', () => stage.socket.texts.length === texts.length)
    expect(stage.socket.texts).toEqual(texts)
    await stage.rig.settled(1)
    expect(stage.rig.settlements).toMatchObject([{ chargeTokens: 10, source: 'authoritative' }])
  })

  it('but sends what is refused, over and over, is left (H13)', async () => {
    const stage = await provide()
    stage.socket.socket.pause()
    for (let message = 0; message < 60_000 && stage.rig.denials.length < 50_000; message += 1) {
      stage.socket.send('{"type":"junk"}')
      if (message % 500 === 0) await new Promise(setImmediate)
    }
    await until('the proxy gives it up', async () => (await stage.rig.openConnections()) === 0)
    await untilLeft(stage)
  })
})

it('two hundred sockets that end in every way leave nothing behind (H14)', async () => {
  const upstream = stack.use(
    await startSocketUpstream({
      onMessage: (message, peer) => {
        const { input } = JSON.parse(message) as { input: string }
        startOnly(message, peer)
        if (input === 'whole') peer.send(completed)
        if (input === 'reset') peer.terminate()
        if (input === 'close') peer.close(1001)
      },
    }),
  )
  const rig = await rigOn(upstream)
  const round = async (index: number) => {
    const socket = await open(rig)
    const input = ['whole', 'reset', 'close', 'leave', 'idle'][index % 5] ?? ''
    if (input !== 'idle') {
      socket.send(create({ input }))
      await socket.next()
    }
    if (input === 'whole') await socket.next()
    if (index % 2 === 0) socket.socket.terminate()
    else socket.socket.close()
    await socket.closed
  }
  for (let index = 0; index < 20; index += 1) await round(index)
  await until(
    'the first are gone',
    async () => (await rig.openConnections()) === 0 && upstream.openConnectionCount === 0,
  )
  const before = activeHandles()
  for (let index = 0; index < 200; index += 1) await round(index)
  await until('all are gone', async () => (await rig.openConnections()) === 0 && upstream.openConnectionCount === 0)
  await rig.settled(rig.started.length)
  await until('no exchange is open', () => rig.proxy.openExchanges === 0)
  await until('no handle is left', () => activeHandles() <= before)
})

/** Sockets and timers that keep this process going, the clients of the test included. */
function activeHandles(): number {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|Timeout/.test(kind)).length
}
