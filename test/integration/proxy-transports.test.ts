/** The same answers, however they come: in any coding, any framing and any pieces they reach the client as they are, and cost the same. */
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultWeights } from '../../src/core/budget/weights.ts'
import { createTokenEstimator } from '../../src/core/metering/estimator/token-estimator.ts'
import { wireFormats } from '../../src/core/metering/formats/formats.ts'
import { chargeOf } from '../../src/core/metering/usage.ts'
import { codings } from '../fakes/coded.ts'
import { type Fixture, fixtures } from '../fakes/fixtures.ts'
import { formatProviderNames, leadingToFormats, requestFor } from '../fakes/format-provider.ts'
import { startScriptedUpstream } from '../fakes/metered-upstream.ts'
import { ask } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { split } from '../fakes/split.ts'

const plain = { field: undefined, code: (body: Buffer) => body }

/** How the end of a body is told. */
const framings = {
  'by its length': {
    field: (body: Buffer) => `content-length: ${body.length}\r\n`,
    framed: (pieces: readonly Buffer[]) => pieces,
  },
  'in chunks': {
    field: () => 'transfer-encoding: chunked\r\n',
    framed: (pieces: readonly Buffer[]) => [
      ...pieces.flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
      Buffer.from('0\r\n\r\n'),
    ],
  },
  'by closing': { field: () => '', framed: (pieces: readonly Buffer[]) => pieces },
}

interface Transport {
  readonly fixture: Fixture
  readonly coding: typeof plain | (typeof codings)[string]
  readonly framing: keyof typeof framings
  readonly sizes: readonly number[]
}

let current: Transport | undefined
let rig: ProxyRig
const stack = new AsyncDisposableStack()

beforeAll(async () => {
  const upstream = stack.use(
    await startScriptedUpstream((socket) => void answer(socket, current ?? expect.fail('nothing is asked for')), {
      names: formatProviderNames,
    }),
  )
  const estimator = createTokenEstimator()
  const { estimate } = estimator.forBottle()
  // It learns nothing, so that the same request is always estimated the same.
  const forgetful = { ...estimator, forBottle: () => ({ estimate, learn() {} }) }
  rig = stack.use(await openProxyRig({ ...leadingToFormats(upstream), estimator: forgetful }))
})

afterAll(async () => {
  expect(rig.bugs).toEqual([])
  expect(await rig.ledger.verify()).toEqual([])
  await stack.disposeAsync()
})

async function answer(socket: Socket, { fixture, coding, framing, sizes }: Transport): Promise<void> {
  const body = coding.code(fixture.bytes)
  const type = fixture.kind === 'sse' ? 'text/event-stream' : 'application/json'
  const codingField = coding.field === undefined ? '' : `content-encoding: ${coding.field}\r\n`
  const { field, framed } = framings[framing]
  socket.write(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\nconnection: close\r\n${codingField}${field(body)}\r\n`)
  for (const piece of framed(split(body, sizes))) {
    socket.write(piece)
    await setImmediate()
  }
  socket.end()
}

async function cost(transport: Transport) {
  current = transport
  const { bytes } = transport.fixture
  const before = rig.settlements.length
  const { body, isWhole } = await ask(rig, requestFor(transport.fixture))
  expect(isWhole).toBe(true)
  expect(body.equals(transport.coding.code(bytes))).toBe(true)
  await rig.settled(before + 1)
  const settlement = rig.settlements[before]
  return { chargeTokens: settlement?.chargeTokens, source: settlement?.source, model: settlement?.model }
}

const variants = fc.record({
  coding: fc.constantFrom(plain, ...Object.values(codings)),
  framing: fc.constantFrom<keyof typeof framings>('by its length', 'in chunks', 'by closing'),
  sizes: fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 6 }),
})

describe.each(fixtures)('$format, $file', (fixture) => {
  it('passes unchanged and costs the same however it comes (I4, M15, M16)', async () => {
    const expected = await cost({ fixture, coding: plain, framing: 'by its length', sizes: [1e6] })
    const meter = wireFormats[fixture.format].createMeter(fixture.kind)
    meter.feed(fixture.bytes)
    meter.end()
    const { isFinal, usage } = meter.reading()
    if (isFinal)
      expect(expected).toMatchObject({ chargeTokens: chargeOf(usage, defaultWeights), source: 'authoritative' })
    await fc.assert(
      fc.asyncProperty(variants, async (variant) => {
        expect(await cost({ fixture, ...variant })).toEqual(expected)
      }),
      { numRuns: 8 },
    )
  })
})
