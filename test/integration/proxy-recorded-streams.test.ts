/**
 * Recorded answers, played through the proxy in pieces of any size: they pass as they are, and are charged what a count by another
 * method says. Those are our fixtures, or the files of the folder in `BOT_BOTTLE_STREAMS` (docs/metering.md).
 */
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { countUsage } from '../fakes/counted-usage.ts'
import { formatProviderNames, leadingToFormats, requestFor } from '../fakes/format-provider.ts'
import { startScriptedUpstream } from '../fakes/metered-upstream.ts'
import { ask } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { type RecordedAnswer, recordedAnswers } from '../fakes/recorded-answers.ts'
import { split } from '../fakes/split.ts'

const answers = recordedAnswers(process.env.BOT_BOTTLE_STREAMS)
const runsPerFile = 4
const seed = 20_260_101

interface Played {
  readonly answer: RecordedAnswer
  readonly sizes: readonly number[]
}

let current: Played | undefined
let rig: ProxyRig
const stack = new AsyncDisposableStack()

beforeAll(async () => {
  const upstream = stack.use(
    await startScriptedUpstream((socket) => void play(socket, current ?? expect.fail('nothing is asked for')), {
      names: formatProviderNames,
    }),
  )
  rig = stack.use(await openProxyRig(leadingToFormats(upstream)))
})

afterAll(async () => {
  expect(rig.bugs).toEqual([])
  expect(await rig.ledger.verify()).toEqual([])
  await stack.disposeAsync()
})

async function play(socket: Socket, { answer: { kind, status, bytes }, sizes }: Played): Promise<void> {
  const type = kind === 'sse' ? 'text/event-stream' : 'application/json'
  socket.write(`HTTP/1.1 ${status} Recorded\r\ncontent-type: ${type}\r\nconnection: close\r\n\r\n`)
  for (const piece of split(bytes, sizes)) {
    socket.write(piece)
    await setImmediate()
  }
  socket.end()
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 100, max: 4_000 })), {
  minLength: 4,
  maxLength: 30,
})

test('there are answers of every kind to play', () => {
  expect(answers.some(({ kind }) => kind === 'sse')).toBe(true)
  expect(answers.filter(({ format, bytes, kind }) => countUsage(format, bytes, kind)).length).toBeGreaterThan(
    answers.length / 2,
  )
})

test.each(answers.map((answer) => [answer.file, answer] as const))(
  '%s passes unchanged and is charged what it says, in pieces of any size (I4, M16)',
  async (_, answer) => {
    const counted = countUsage(answer.format, answer.bytes, answer.kind)
    await fc.assert(
      fc.asyncProperty(sizes, async (sizes) => {
        current = { answer, sizes }
        const before = rig.settlements.length
        const { body, isWhole } = await ask(rig, requestFor(answer))
        expect(isWhole).toBe(true)
        expect(body.equals(answer.bytes)).toBe(true)
        await rig.settled(before + 1)
        const [event] = await rig.ledger.events({ limit: 1 })
        expect(event?.chargeTokens).toBe(rig.settlements[before]?.chargeTokens)
        if (answer.status !== 200) expect(event).toMatchObject({ source: 'unsent', chargeTokens: 0 })
        else if (counted === undefined) {
          expect(event?.source).toMatch(/^(?:partial|estimated)$/)
          expect(event?.chargeTokens).toBeGreaterThan(0)
        } else {
          expect(event?.source).toBe('authoritative')
          expect({
            input: event?.inputTokens,
            cacheWrite: (event?.cacheWrite5mTokens ?? 0) + (event?.cacheWrite1hTokens ?? 0),
            cacheRead: event?.cacheReadTokens ?? 0,
            output: event?.outputTokens ?? 0,
          }).toEqual(counted)
          expect(event?.chargeTokens).toBe(counted.input + counted.cacheWrite + counted.cacheRead + counted.output)
        }
      }),
      { numRuns: runsPerFile, seed },
    )
  },
)
