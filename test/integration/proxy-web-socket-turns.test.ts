import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { BottleError } from '../../src/core/errors.ts'
import { createTokenEstimator, type InputEstimate } from '../../src/core/metering/estimator/token-estimator.ts'
import { inputTokensOf } from '../../src/core/metering/usage.ts'
import type { ServedRequest } from '../../src/demo/provider/request-log.ts'
import { startSimulatedProvider } from '../../src/demo/provider/simulated-provider.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { leadingTo } from '../fakes/metered-upstream.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'
import { create, openResponsesSocket, type ServerEvent } from '../fakes/responses-socket.ts'
import {
  responseEvents,
  type SocketUpstreamOptions,
  smallSocketUsage,
  startSocketUpstream,
} from '../fakes/socket-upstream.ts'
import { until } from '../fakes/until.ts'

let stack = new AsyncDisposableStack()
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const rig of rigs.splice(0)) {
    expect(rig.bugs).toEqual([])
    expect(await rig.ledger.verify()).toEqual([])
  }
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function through(upstream: Parameters<typeof leadingTo>[0] & AsyncDisposable, options: Partial<ProxyRigOptions>) {
  stack.use(upstream)
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), budgets: { codex: 1_000_000 }, ...options }))
  rigs.push(rig)
  const socket = stack.use(await openResponsesSocket({ port: rig.ports.tls, ca: rig.caCertificate }))
  return { rig, socket }
}

async function provide(options: SocketUpstreamOptions = {}, rigOptions: Partial<ProxyRigOptions> = {}) {
  const upstream = await startSocketUpstream(options)
  return { upstream, ...(await through(upstream, rigOptions)) }
}

async function simulate(options: Parameters<typeof startSimulatedProvider>[0] = {}) {
  const provider = await startSimulatedProvider(options)
  const turns = () => provider.served.filter(({ method }) => method === 'response.create')
  return { turns, ...(await through(provider, {})) }
}

const responseOf = (event: ServerEvent | undefined) => event?.response as Record<string, unknown>
const totalOf = ({ reported }: ServedRequest) => inputTokensOf(reported) + (reported.outputTokens ?? 0)

describe('a turn on a WebSocket', () => {
  it('is one exchange of the ledger, charged what the provider reports; many follow each other on one socket (M11)', async () => {
    const { rig, socket, turns } = await simulate({ outputTokens: 60, reasoningTokens: 9 })
    let previous: unknown
    for (let turn = 0; turn < 5; turn += 1) {
      const events = await socket.turn(
        create({
          input: `turn ${turn} ${'x'.repeat(6_000)}`,
          reasoning: { effort: 'low' },
          ...(turn === 0 && { generate: false }),
          ...(previous !== undefined && { previous_response_id: previous }),
        }),
      )
      previous = responseOf(events.at(-1)).id
    }
    await rig.settled(5)
    expect(rig.settlements.map(({ chargeTokens }) => chargeTokens)).toEqual(turns().map(totalOf))
    expect(rig.settlements.every(({ source, ending }) => source === 'authoritative' && ending === 'complete')).toBe(
      true,
    )
    expect(await rig.counterOf('codex')).toMatchObject({
      settledTokens: turns().reduce((total, turn) => total + totalOf(turn), 0),
      reservedTokens: 0,
    })
    const [event] = await rig.ledger.events({ limit: 1 })
    expect(event).toMatchObject({ model: 'gpt-6.1-sol', reasoningTokens: 9 })
    expect(event?.cacheReadTokens).toBeGreaterThan(0)
  })

  it('teaches the estimator what its input counts; one that only warms the provider up teaches nothing', async () => {
    const lessons: (readonly [model: string, inputTokens: number])[] = []
    const estimator = createTokenEstimator()
    const watched = {
      ...estimator,
      forBottle: () => ({
        ...estimator.forBottle(),
        learn: ({ basis }: InputEstimate, inputTokens: number) => void lessons.push([basis.model, inputTokens]),
      }),
    }
    const { rig, socket } = await provide({}, { estimator: watched })
    for (const fields of [{ generate: false }, {}, { generate: true }]) await socket.turn(create(fields))
    await rig.settled(3)
    expect(rig.settlements.map(({ source }) => source)).toEqual(Array(3).fill('authoritative'))
    expect(lessons).toEqual(Array(2).fill(['gpt-6.1-sol', smallSocketUsage.input_tokens]))
  })

  it('that the provider fails or cuts short is charged all the same (M11)', async () => {
    const usage = { input_tokens: 50, output_tokens: 4, total_tokens: 54 }
    for (const type of ['response.incomplete', 'response.failed']) {
      const { rig, socket } = await provide({
        onMessage: (_, peer) => {
          peer.send(JSON.stringify({ type: 'response.created', response: { id: 'r' } }))
          peer.send(JSON.stringify({ type, response: { id: 'r', model: 'm', usage } }))
        },
      })
      expect((await socket.turn(create())).at(-1)?.type).toBe(type)
      await rig.settled(1)
      expect(rig.settlements).toMatchObject([{ chargeTokens: 54, source: 'authoritative', ending: 'complete' }])
    }
  })

  it('passes unchanged in both directions, whole and in its order, however its frames are split (I4)', async () => {
    const odd = [
      '{ "type" : "response.output_text.delta",\n"delta":"\\u0041 \u{1f41d} \u4f60"}',
      '{"type":"x.y","a":1,"a":2}',
    ]
    const [begin = '', , end = ''] = responseEvents()
    const sent = [begin, ...odd, end]
    const { rig, socket, upstream } = await provide({
      onMessage: (_, peer) => {
        for (const text of sent) sendInPieces(peer, text, [1, 7, 64])
      },
    })
    const asked = '{\n "input":"\\u00fc \u{1f41d}",  "type":"response.create","model":"m" }'
    sendInPieces(socket.socket, asked, [3, 11])
    await until('the turn is over', () => socket.texts.length === sent.length)
    expect(socket.texts).toEqual(sent)
    expect(upstream.messages).toEqual([asked])
    await rig.settled(1)
  })

  it('passes unchanged at any content and split (I4)', async () => {
    let events: readonly string[] = []
    let sizes: readonly number[] = [1]
    const { rig, socket, upstream } = await provide({
      onMessage: (_, peer) => {
        for (const text of events) sendInPieces(peer, text, sizes)
      },
    })
    let count = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }),
        async (deltas, splits) => {
          events = responseEvents({ deltas: deltas.map((delta) => delta.toWellFormed()) })
          sizes = splits
          const before = socket.texts.length
          const asked = JSON.stringify(create({ input: deltas.join('').toWellFormed() }))
          sendInPieces(socket.socket, asked, splits)
          await until('the turn is over', () => socket.texts.length === before + events.length)
          expect(socket.texts.slice(before)).toEqual(events)
          expect(upstream.messages.at(-1)).toBe(asked)
          count += 1
          await rig.settled(count)
          expect(rig.settlements.at(-1)).toMatchObject({ chargeTokens: 10, source: 'authoritative' })
        },
      ),
      { numRuns: 40 },
    )
  })

  it('with a last event of ten megabytes is passed and counted (M11)', async () => {
    const usage = { input_tokens: 11, output_tokens: 5, total_tokens: 16 }
    const text = '"usage":{"input_tokens":999} '.repeat(350_000)
    const final = JSON.stringify({
      type: 'response.completed',
      response: { id: 'r', output: [{ type: 'message', content: [{ type: 'output_text', text }] }], usage },
    })
    const { rig, socket } = await provide({
      onMessage: (_, peer) => {
        peer.send(JSON.stringify({ type: 'response.created', response: { id: 'r' } }))
        peer.send(final)
      },
    })
    await socket.turn(create())
    expect(final.length).toBeGreaterThan(10_000_000)
    expect(hashOf(socket.texts.at(-1) ?? '')).toBe(hashOf(final))
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 16, source: 'authoritative' }])
  })

  it('is recorded when its client hangs up right after the last event (M12)', async () => {
    const { rig, socket, upstream } = await provide()
    await socket.turn(create())
    socket.socket.terminate()
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 10, source: 'authoritative', ending: 'complete' }])
    await until('the provider is left', () => upstream.openConnectionCount === 0)
    await until('the log is told of the socket', () => rig.passed.length === 1)
    const answerBytes = responseEvents().join('').length
    expect(rig.passed).toMatchObject([{ method: 'GET', path: '/v1/responses', status: 101, answerBytes }])
  })

  it('is reserved for durably before the provider sees it, and refused when the ledger cannot be written (I5, I9)', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    const { socket, upstream, rig } = await provide(
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
    const turn = socket.turn(create())
    await asked.promise
    await new Promise(setImmediate)
    expect(upstream.messages).toEqual([])
    answer.resolve()
    expect((await turn).at(-1)?.type).toBe('response.completed')
    await rig.settled(1)

    const failing = await provide(
      {},
      {
        wrapLedger: (ledger) => ({
          ...ledger,
          reserve: () => Promise.reject(new BottleError('ledger_unusable', 'the disk is full')),
        }),
      },
    )
    expect(await failing.socket.turn(create())).toMatchObject([
      { type: 'error', status: 502, error: { code: 'ledger_unusable', message: 'bot-bottle: the disk is full' } },
    ])
    expect(failing.upstream.messages).toEqual([])
  })

  it('waits for the one that is open, and is answered after it', async () => {
    const peers: WebSocket[] = []
    const { socket, upstream, rig } = await provide({ onMessage: (_, peer) => peers.push(peer) })
    for (let index = 0; index < 3; index += 1) socket.send(create({ input: `${index}` }))
    await until('the first is there', () => upstream.messages.length === 1)
    for (let index = 0; index < 3; index += 1) {
      expect(upstream.messages).toHaveLength(index + 1)
      for (const event of responseEvents({ id: `resp_${index}` })) peers[index]?.send(event)
      await rig.settled(index + 1)
      if (index < 2) await until('the next is there', () => upstream.messages.length === index + 2)
    }
    expect(upstream.messages.map((text) => JSON.parse(text).input)).toEqual(['0', '1', '2'])
    await until('none is open', () => rig.proxy.openExchanges === 0)
  })

  it('that waits behind too many others is refused', async () => {
    const { socket, upstream } = await provide({ onMessage: () => {} })
    for (let index = 0; index < 12; index += 1) socket.send(create({ input: `${index}` }))
    expect(await socket.next()).toMatchObject({ type: 'error', status: 429, error: { code: 'too_many_requests' } })
    await until('the first is there', () => upstream.messages.length > 0)
    expect(upstream.messages).toHaveLength(1)
  })

  it('holds, and is charged when it breaks off, the transcript that it goes on from', async () => {
    const usage = { input_tokens: 40_000, output_tokens: 1_000, total_tokens: 41_000 }
    let turn = 0
    const { rig, socket } = await provide({
      onMessage: (_, peer) => {
        turn += 1
        if (turn === 1) for (const event of responseEvents({ usage })) peer.send(event)
        else peer.close(1011)
      },
    })
    await socket.turn(create())
    socket.send(create({ input: 'and?', previous_response_id: 'resp_1' }))
    await rig.settled(2)
    expect(rig.settlements[1]).toMatchObject({ source: 'estimated', ending: 'upstream_reset' })
    expect(rig.settlements[1]?.chargeTokens).toBeGreaterThan(41_000)
    expect(rig.settlements[1]?.chargeTokens).toBeLessThan(41_100)
  })
})

describe('an error of the provider', () => {
  it('in place of a response costs nothing, and the socket goes on', async () => {
    const { rig, socket } = await simulate()
    const events = await socket.turn(create({ previous_response_id: 'resp_unknown' }))
    expect(events).toMatchObject([{ type: 'error', status: 400, error: { code: 'previous_response_not_found' } }])
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 0, source: 'unsent' }])
    expect((await socket.turn(create())).at(-1)?.type).toBe('response.completed')
  })

  it('in a response that has begun is charged what was seen', async () => {
    const { rig, socket } = await provide({
      onMessage: (_, peer) => {
        for (const event of responseEvents({ deltas: ['x'.repeat(320)] }).slice(0, 2)) peer.send(event)
        peer.send('{"type":"error","status":500,"error":{"code":"server_error","message":"oops"}}')
      },
    })
    await socket.turn(create())
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ source: 'estimated', ending: 'complete' }])
    expect(rig.settlements[0]?.chargeTokens).toBeGreaterThan(100)
  })

  it('about the account, before it, does not make it cost anything', async () => {
    const { rig, socket } = await provide({
      onMessage: (_, peer) => {
        peer.send('{"type":"codex.rate_limits","limits":{}}')
        peer.send('{"type":"error","status":429,"error":{"code":"rate_limit_exceeded"}}')
      },
    })
    expect(await socket.turn(create())).toHaveLength(2)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 0, source: 'unsent' }])
  })
})

describe('what cannot be metered does not pass (I3):', () => {
  it.each([
    ['a message that steers a response into another', { type: 'response.steer', input: [] }],
    ['a message of a type that nobody knows', { type: 'response.multiply', model: 'm' }],
    ['a request for an answer in the background', create({ background: true })],
    ['a message without a type', { model: 'm', input: 'x' }],
    ['what is no JSON', 'response.create'],
    ['a binary message', Buffer.from(JSON.stringify(create()))],
  ])('%s', async (_, message) => {
    const { rig, socket, upstream } = await provide()
    expect(await socket.turn(message as object)).toMatchObject([
      { type: 'error', status: 400, error: { code: 'not_metered', message: expect.stringMatching(/^bot-bottle: /) } },
    ])
    expect(rig.denials).toMatchObject([{ method: 'GET', path: '/v1/responses' }])
    expect(rig.started).toEqual([])
    expect((await socket.turn(create())).at(-1)?.type).toBe('response.completed')
    expect(upstream.messages).toEqual([JSON.stringify(create())])
  })

  it('an acknowledgement by Codex stays here, without a word', async () => {
    const { rig, socket, upstream } = await provide()
    await socket.turn(create())
    socket.send({ type: 'response.processed', response_id: 'resp_1' })
    expect((await socket.turn(create())).map(({ type }) => type)).toEqual([
      'response.created',
      'response.output_text.delta',
      'response.completed',
    ])
    expect(upstream.messages).toHaveLength(2)
    expect(rig.denials).toEqual([])
  })

  it('a response that nobody asked for ends the socket', async () => {
    const [begin = ''] = responseEvents({ id: 'resp_2' })
    const { rig, socket, upstream } = await provide({
      onMessage: (_, peer) => {
        for (const event of responseEvents()) peer.send(event)
        peer.send(begin)
      },
    })
    socket.send(create())
    expect((await socket.closed).code).toBe(1011)
    expect(socket.texts).not.toContain(begin)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 10, source: 'authoritative' }])
    await until('the provider is left', () => upstream.openConnectionCount === 0)
  })
})

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** One message in frames of these many bytes. */
function sendInPieces(socket: WebSocket, text: string, sizes: readonly number[]): void {
  const bytes = Buffer.from(text)
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1
    socket.send(bytes.subarray(at, at + size), { binary: false, fin: at + size >= bytes.length })
    at += size
  }
}
