/**
 * How an exchange ends, and what is charged: a test for each row of the table in `docs/metering.md` and each wire format, as events
 * and as a document. A killed controller stands in `ledger-crash.test.ts`.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { defaultWeights } from '../../src/core/budget/weights.ts'
import type { MeterReading } from '../../src/core/metering/format.ts'
import { wireFormats } from '../../src/core/metering/formats/formats.ts'
import { chargeOf, inputTokensOf } from '../../src/core/metering/usage.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { leaseChunkTokens } from '../../src/proxy/limits.ts'
import { type AnswerSample, answerSamples, readBytes } from '../fakes/answer-samples.ts'
import { formatProviderNames, leadingToFormats, requestFor } from '../fakes/format-provider.ts'
import { startScriptedUpstream } from '../fakes/metered-upstream.ts'
import { ask, open, startRequest } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'
import type { Upstream } from '../fakes/raw-upstream.ts'
import { until } from '../fakes/until.ts'

vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  return { ...limits, proxyLimits: { ...limits.proxyLimits, upstreamIdleTimeoutMs: 4_000 } as never }
})

const stack = new AsyncDisposableStack()
let upstream: Upstream
let rig: ProxyRig
let answer: (socket: Socket) => unknown
/** What is settled in a test begins here. */
let settledBefore = 0
/** What the last reservation of a rig takes for its input. */
const heldInputTokens = new WeakMap<ProxyRig, number>()

beforeAll(async () => {
  upstream = stack.use(await startScriptedUpstream((socket) => answer(socket), { names: formatProviderNames }))
  rig = await rigOn(upstream)
})

beforeEach(() => {
  settledBefore = rig.settlements.length
})

afterEach(async () => {
  rig.proxy.reopen()
  expect(rig.bugs).toEqual([])
  expect(await rig.ledger.verify()).toEqual([])
})

afterAll(() => stack.disposeAsync())

async function rigOn(target: Upstream, options: Partial<ProxyRigOptions> = {}): Promise<ProxyRig> {
  const startMs = Date.now()
  const wrapLedger = (ledger: Ledger): Ledger => ({
    ...ledger,
    reserve(request) {
      heldInputTokens.set(opened, request.inputTokens)
      return ledger.reserve(request)
    },
  })
  // The clock stands still: output that was not seen grows with the time that it had.
  const opened = await openProxyRig({ ...leadingToFormats(target), nowMs: () => startMs, wrapLedger, ...options })
  return stack.use(opened)
}

function headOf({ kind }: AnswerSample, { status = 200, coding = 'identity' } = {}): string {
  const type = kind === 'sse' ? 'text/event-stream' : 'application/json'
  return `HTTP/1.1 ${status} X\r\ncontent-type: ${type}\r\ncontent-encoding: ${coding}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n`
}

const chunked = (bytes: Buffer | string) =>
  Buffer.concat([Buffer.from(`${Buffer.byteLength(bytes).toString(16)}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')])

function wholeAnswer(sample: AnswerSample, bytes: Buffer | string, options = {}) {
  return (socket: Socket) => {
    socket.write(headOf(sample, options))
    socket.write(chunked(bytes))
    socket.end('0\r\n\r\n')
  }
}

/** An answer that begins and does not go on. */
function begunAnswer(sample: AnswerSample, bytes: Buffer) {
  return (socket: Socket) => {
    socket.write(headOf(sample))
    socket.write(chunked(bytes))
  }
}

async function received(response: IncomingMessage, byteCount: number): Promise<void> {
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await until('the client has what was sent', () => bytes >= byteCount)
}

/** A request whose answer does not come. */
async function unanswered(sample: AnswerSample) {
  const asked = Promise.withResolvers<void>()
  answer = () => asked.resolve()
  const { body = '', ...options } = requestFor(sample)
  const request = startRequest(rig, { ...options, headers: ['content-length', String(body.length)] })
  request.end(body)
  await asked.promise
  return request
}

interface Expected {
  readonly ending: string
  readonly source: string
  readonly chargeTokens: number
}

async function charged(of: ProxyRig = rig, before = settledBefore): Promise<Expected> {
  await of.settled(before + 1)
  const { ending, source, chargeTokens } = of.settlements[before] ?? expect.fail('nothing was settled')
  return { ending, source, chargeTokens }
}

/** What is charged for what was seen, with at least so much output. */
function partial({ usage, observedOutputTokens }: MeterReading, leastOutputTokens = 0, of: ProxyRig = rig) {
  const inputTokens = usage.inputTokens === undefined ? (heldInputTokens.get(of) ?? Number.NaN) : inputTokensOf(usage)
  const outputTokens = Math.max(usage.outputTokens ?? 0, observedOutputTokens, leastOutputTokens)
  const source = Object.keys(usage).length > 0 ? 'partial' : 'estimated'
  return { source, chargeTokens: inputTokens + outputTokens }
}

const nothingSeen: MeterReading = {
  usage: {},
  model: undefined,
  phase: 'open',
  isFinal: false,
  observedOutputTokens: 0,
  anomalies: [],
}

/** What is taken for output that nobody saw, a moment after the request: nothing where no output was asked for. */
function unseenTokens({ format, kind }: AnswerSample): number {
  const { body = '', path = '' } = requestFor({ format, kind })
  const reading = wireFormats[format].readRequest([Buffer.from(body)], path)
  return Math.min(leaseChunkTokens, reading?.maxOutputTokens ?? leaseChunkTokens)
}

/** The same where we broke off: what was seen of a stream, at least what was held for a document or for silence. */
function brokenOff(sample: AnswerSample, reading: MeterReading) {
  const isSeen = sample.kind === 'sse' && reading.observedOutputTokens > 0
  return partial(reading, isSeen ? 0 : unseenTokens(sample))
}

const authoritative = ({ usage }: MeterReading) => ({
  source: 'authoritative',
  chargeTokens: chargeOf(usage, defaultWeights),
})

describe.each(answerSamples)('$format, $kind', (sample) => {
  const { whole, part, failed } = sample
  const wholeReading = readBytes(sample, whole)
  const partReading = readBytes(sample, part)

  it('complete: as reported', async () => {
    answer = wholeAnswer(sample, whole)
    expect((await ask(rig, requestFor(sample))).isWhole).toBe(true)
    expect(await charged()).toEqual({ ending: 'complete', ...authoritative(wholeReading) })
  })

  it('complete without usage: estimated input, and the output that was seen (M20)', async () => {
    answer = wholeAnswer(sample, sample.kind === 'sse' ? 'data: {}\n\n' : '{}')
    await ask(rig, requestFor(sample))
    expect(await charged()).toEqual({ ending: 'complete', ...partial(nothingSeen) })
  })

  it('in a coding that cannot be decoded: estimated input, and a token a byte (M15)', async () => {
    answer = wholeAnswer(sample, Buffer.alloc(3_000, 1), { coding: 'gzip' })
    await ask(rig, requestFor(sample))
    expect(await charged()).toEqual({ ending: 'complete', ...partial(nothingSeen, 3_000) })
  })

  it.skipIf(!failed)('an error in its course: what was reported, and the output that was seen (M07)', async () => {
    const bytes = failed ?? whole
    answer = wholeAnswer(sample, bytes)
    await ask(rig, requestFor(sample))
    const reading = readBytes(sample, bytes)
    expect(await charged()).toEqual({
      ending: 'complete',
      ...(reading.isFinal ? authoritative(reading) : partial(reading)),
    })
  })

  it('an error status without usage: nothing (M20)', async () => {
    answer = wholeAnswer({ ...sample, kind: 'json' }, '{"error":{"message":"overloaded"}}', { status: 529 })
    await ask(rig, requestFor(sample))
    expect(await charged()).toEqual({ ending: 'complete', source: 'unsent', chargeTokens: 0 })
  })

  it('an error status with usage: as reported (M20)', async () => {
    answer = wholeAnswer(sample, whole, { status: 500 })
    await ask(rig, requestFor(sample))
    expect(await charged()).toEqual({ ending: 'complete', ...authoritative(wholeReading) })
  })

  it('reset by the provider before an answer: estimated input', async () => {
    answer = () => upstream.resetConnections()
    expect((await ask(rig, requestFor(sample))).status).toBe(502)
    expect(await charged()).toEqual({ ending: 'upstream_reset', ...partial(nothingSeen) })
  })

  it('reset by the provider in its course: what was reported, and the output that was seen (M07)', async () => {
    answer = begunAnswer(sample, part)
    const response = await open(rig, requestFor(sample))
    await received(response, part.length)
    upstream.resetConnections()
    expect(await charged()).toEqual({ ending: 'upstream_reset', ...partial(partReading) })
  })

  it('left by the client before an answer: estimated input, and the output that was held (M19)', async () => {
    const request = await unanswered(sample)
    request.destroy()
    expect(await charged()).toEqual({ ending: 'client_gone', ...partial(nothingSeen, unseenTokens(sample)) })
  })

  it('left by the client in its course: what was seen of a stream, at least what was held for a document (M19)', async () => {
    answer = begunAnswer(sample, part)
    const response = await open(rig, requestFor(sample))
    await received(response, part.length)
    response.destroy()
    expect(await charged()).toEqual({ ending: 'client_gone', ...brokenOff(sample, partReading) })
  })

  it('left by the client right after the final counts: as reported (M12)', async () => {
    answer = begunAnswer(sample, whole)
    const response = await open(rig, requestFor(sample))
    await received(response, whole.length)
    response.destroy()
    expect(await charged()).toEqual({ ending: 'client_gone', ...authoritative(wholeReading) })
  })

  it('cut before an answer: estimated input, and the output that was held (E03)', async () => {
    const request = await unanswered(sample)
    await rig.proxy.cut('bot-bottle: enough')
    expect(await charged()).toEqual({ ending: 'cut', ...partial(nothingSeen, unseenTokens(sample)) })
    request.destroy()
  })

  it('cut in its course: what was seen of a stream, at least what was held for a document (E03)', async () => {
    answer = begunAnswer(sample, part)
    const response = await open(rig, requestFor(sample))
    await received(response, part.length)
    await rig.proxy.cut('bot-bottle: enough')
    expect(await charged()).toEqual({ ending: 'cut', ...brokenOff(sample, partReading) })
  })

  it('never sent: nothing', async () => {
    const gone = await startScriptedUpstream(() => {}, { names: formatProviderNames })
    await gone[Symbol.asyncDispose]()
    const lonely = await rigOn(gone)
    expect((await ask(lonely, requestFor(sample))).status).toBe(502)
    expect(await charged(lonely, 0)).toEqual({ ending: 'unsent', source: 'unsent', chargeTokens: 0 })
  })
})

describe('a provider that falls silent', () => {
  /** All formats at once: each waits for the limit. */
  const inSilence = (silent: (sample: AnswerSample) => (socket: Socket) => void) =>
    Promise.all(
      answerSamples.map(async (sample) => {
        const target = stack.use(await startScriptedUpstream(silent(sample), { names: formatProviderNames }))
        const own = await rigOn(target)
        const answered = await ask(own, requestFor(sample))
        return { sample, own, answered, expected: await charged(own, 0) }
      }),
    )

  it('before an answer: estimated input', async () => {
    for (const { own, answered, expected } of await inSilence(() => () => {})) {
      expect(answered.status).toBe(504)
      expect(expected).toEqual({ ending: 'upstream_timeout', ...partial(nothingSeen, 0, own) })
    }
  })

  it('in its course: what was reported, and the output that was seen (M07)', async () => {
    for (const { sample, own, answered, expected } of await inSilence((sample) => begunAnswer(sample, sample.part))) {
      expect(answered).toMatchObject({ status: 200, isWhole: false, body: sample.part })
      expect(expected).toEqual({ ending: 'upstream_timeout', ...partial(readBytes(sample, sample.part), 0, own) })
    }
  })
})

describe.each(answerSamples.filter(({ kind }) => kind === 'sse'))('$format, $kind', (sample) => {
  it('cut because its budget is spent: what was seen, a little more than the limit (E01)', async () => {
    const { before, delta } = endlessPartsOf(sample)
    const limitTokens = 1_000 + inputTokensOf(readBytes(sample, Buffer.from(before)).usage)
    const limited = await rigOn(upstream, { budgets: { polyglot: limitTokens } })
    answer = async (socket) => {
      socket.write(headOf(sample))
      if (before !== '') socket.write(chunked(before))
      while (!socket.destroyed) {
        socket.write(chunked(delta))
        await setImmediate()
      }
    }
    await ask(limited, requestFor(sample))
    const { ending, source, chargeTokens } = await charged(limited, 0)
    const hasReport = Object.keys(readBytes(sample, Buffer.from(before + delta)).usage).length > 0
    expect({ ending, source }).toEqual({ ending: 'cut', source: hasReport ? 'partial' : 'estimated' })
    expect(chargeTokens).toBeGreaterThanOrEqual(limitTokens)
    expect(chargeTokens).toBeLessThan(limitTokens + leaseChunkTokens)
  })
})

/** The event of a stream that says most, and what comes before it. */
function endlessPartsOf(sample: AnswerSample): { readonly before: string; readonly delta: string } {
  const events = sample.whole.toString().split(/(?<=\n\n)/)
  const readings = events.map((_, index) => readBytes(sample, Buffer.from(events.slice(0, index + 1).join(''))))
  const saidBy = readings.map(({ isFinal, observedOutputTokens }, index) =>
    isFinal ? 0 : observedOutputTokens - (readings[index - 1]?.observedOutputTokens ?? 0),
  )
  const index = saidBy.indexOf(Math.max(...saidBy))
  return { before: events.slice(0, index).join(''), delta: events[index] ?? '' }
}
