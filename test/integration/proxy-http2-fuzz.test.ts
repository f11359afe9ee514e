/**
 * Thousands of HTTP/2 sessions that are almost right: nothing crashes, nothing is left behind, what was reserved is settled, and
 * nothing reaches a provider that was not decided on. `BOT_BOTTLE_FRONT_FUZZ_RUNS` says how many, `BOT_BOTTLE_FUZZ_SEED` which.
 */
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { expectDecided } from '../fakes/decided-requests.ts'
import {
  dataFrame,
  dialHttp2,
  fieldSection,
  flags,
  frame,
  frameTypes,
  getFields,
  headersFrame,
  meteredRequest,
  requestFields,
  resetFrame,
  uint32,
} from '../fakes/http2-frames.ts'
import { answerSmall, leadingTo, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { mutated, mutations } from '../fakes/mutation.ts'
import { ask } from '../fakes/proxy-client.ts'
import { openProxyRig } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'

const sessionsAtOnce = 8
const rounds = Math.ceil(Number(process.env.BOT_BOTTLE_FRONT_FUZZ_RUNS ?? 2_000) / sessionsAtOnce)
const seed = Number(process.env.BOT_BOTTLE_FUZZ_SEED ?? 20_260_101)
/** Of the event loop. */
const patienceTurns = 30

const stream = fc.constantFrom(0, 1, 3, 5, 7, 2, 0x7fff_ffff)
const payload = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
const anyFrame = fc
  .record({ type: fc.nat(12), flags: fc.nat(255), stream, payload })
  .map(({ type, ...rest }) => frame(type, rest))
const soundFrame = fc.oneof(
  stream.map((id) => meteredRequest(id)),
  stream.map((id) => headersFrame(id, getFields)),
  stream.map((id) => headersFrame(id, requestFields, false)),
  stream.map((id) => headersFrame(id, [['x-trailer', '1']])),
  fc.tuple(stream, fc.boolean()).map(([id, isLast]) => dataFrame(id, '{"model":"x"}', isLast)),
  fc.tuple(stream, fc.nat(14)).map(([id, code]) => resetFrame(id, code)),
  fc.tuple(stream, fc.nat()).map(([id, step]) => frame(frameTypes.windowUpdate, { stream: id, payload: uint32(step) })),
  fc.tuple(fc.nat(9), fc.nat()).map(([id, value]) => settings(id, value)),
  fc.constant(frame(frameTypes.settings, { flags: flags.ack })),
  fc.constant(frame(frameTypes.ping, { payload: Buffer.alloc(8) })),
  fc.constant(frame(frameTypes.goaway, { payload: Buffer.alloc(8) })),
  stream.map((id) => frame(frameTypes.headers, { stream: id, payload: fieldSection(getFields) })),
  stream.map((id) =>
    frame(frameTypes.continuation, { stream: id, flags: flags.endHeaders, payload: fieldSection([]) }),
  ),
)

function settings(id: number, value: number): Buffer {
  const entry = Buffer.alloc(6)
  entry.writeUInt16BE(id)
  entry.writeUInt32BE(value, 2)
  return frame(frameTypes.settings, { payload: entry })
}

const frames = fc.array(fc.oneof({ weight: 4, arbitrary: soundFrame }, { weight: 1, arbitrary: anyFrame }), {
  maxLength: 12,
})
const session = fc
  .tuple(fc.boolean(), frames, fc.array(mutations(null), { maxLength: 3 }))
  .map(([isSoundAtFirst, rest, mutations]) => {
    const broken = mutations.reduce(mutated, Buffer.concat(rest))
    return isSoundAtFirst ? Buffer.concat([meteredRequest(1), broken]) : broken
  })

beforeAll(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterAll(() => void vi.useRealTimers())

test(
  `sessions of frames in any order, broken in any way, end with their clients or in time, seed ${seed} (H08, H13, H14)`,
  async () => {
    await using upstream = await startProviderUpstream(answerSmall)
    await using rig = await openProxyRig({ ...leadingTo(upstream), budgets: { claude: 1_000_000_000 } })
    const run = async (bytes: Buffer, isPatient: boolean) => {
      const raw = await dialHttp2(rig)
      raw.send(bytes)
      // Half of the clients stay for what comes, the others go in the middle of it.
      for (let turn = 0; isPatient && turn < patienceTurns && !raw.isClosed; turn += 1) await setImmediate()
      raw.socket.destroySoon()
    }
    const sessions = fc.array(fc.tuple(session, fc.boolean()), { minLength: sessionsAtOnce, maxLength: sessionsAtOnce })
    await fc.assert(
      fc.asyncProperty(sessions, async (all) => {
        await Promise.all(all.map(([bytes, isPatient]) => run(bytes, isPatient)))
        expect(rig.bugs).toEqual([])
      }),
      { numRuns: rounds, seed, endOnFailure: true },
    )
    await until('every exchange is over, every connection closed', async () => {
      vi.advanceTimersByTime(60_000)
      return rig.proxy.openExchanges === 0 && (await rig.openConnections()) === 0
    })
    expectDecided(upstream.seen, { rig, routes: [] })
    expect((await ask(rig)).status).toBe(200)
    // Most are broken before they ask for anything; enough are not.
    expect(rig.started.length).toBeGreaterThan(rounds)
    await rig.settled(rig.started.length)
    expect((await rig.counterOf('claude')).reservedTokens).toBe(0)
    expect(await rig.ledger.verify()).toEqual([])
    expect(rig.bugs).toEqual([])
  },
  60_000 + rounds * 400,
)
