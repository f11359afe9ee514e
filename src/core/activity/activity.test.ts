import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ActivityEvent, foldActivity, noActivity } from './activity.ts'
import { flowKey } from './flow.ts'

const minuteMs = 60_000
const web = 'web-1'
const scopes = ['run:web-1', 'agent:web', 'host']
const began: ActivityEvent = { kind: 'bottle', bottle: { id: web, scopes } }
const of = (attemptId: string, atMs: number) => ({ bottleId: web, attemptId, provider: 'claude', atMs })
const started = (id: string, atMs = 0): ActivityEvent => ({
  ...of(id, atMs),
  ...{ kind: 'exchange_started', model: 'opus', holdTokens: 200 },
})
const progressed = (id: string, observedTokens: number, atMs = 0): ActivityEvent => ({
  ...of(id, atMs),
  ...{ kind: 'exchange_progress', observedTokens, heldTokens: observedTokens + 100 },
})
const settled = (id: string, chargeTokens: number, atMs = 0): ActivityEvent => ({
  ...of(id, atMs),
  ...{ kind: 'exchange_settled', chargeTokens, usage: { inputTokens: 1, cacheReadTokens: 2, outputTokens: 3 } },
})
const fold = (...events: readonly ActivityEvent[]) => foldActivity(noActivity, events)
const minutesAt = (activity: ReturnType<typeof fold>, scope: string) =>
  activity.flows.get(flowKey(scope, 'claude'))?.tokens

describe('an exchange', () => {
  it('is open with what it was seen to use until it is settled, and then counted by class', () => {
    const running = fold(began, started('a', 5), progressed('a', 120, 9))
    expect(running.bottles.get(web)?.open).toEqual([
      {
        ...{ attemptId: 'a', provider: 'claude', model: 'opus', startedAtMs: 5 },
        ...{ observedTokens: 120, heldTokens: 220 },
      },
    ])
    expect(foldActivity(running, [settled('a', 150)]).bottles.get(web)).toMatchObject({
      ...{ open: [], exchanges: 1, chargedTokens: 150 },
      tokens: { inputTokens: 1, cacheWriteTokens: 0, cacheReadTokens: 2, outputTokens: 3 },
    })
  })

  it('flows at every scope of its bottle in the minutes in which it was seen to, and the rest when it is settled', () => {
    const activity = fold(
      ...[began, started('a'), progressed('a', 100, minuteMs), progressed('a', 250, 2 * minuteMs)],
      settled('a', 300, 3 * minuteMs),
    )
    for (const scope of scopes) expect(minutesAt(activity, scope)).toEqual([100, 150, 50])
  })

  it('that is charged less than it was seen to use is taken back from the minute that runs', () => {
    const activity = fold(began, progressed('a', 100, 1), settled('a', 70, 2))
    expect(minutesAt(activity, 'host')).toEqual([70])
  })

  it('whose beginning was not seen begins with its first progress', () => {
    expect(fold(progressed('a', 7, 3)).bottles.get(web)?.open).toMatchObject([{ model: null, startedAtMs: 3 }])
  })
})

it('counts what is denied', () => {
  expect(fold({ kind: 'denied', bottleId: web }, { kind: 'denied', bottleId: web }).bottles.get(web)?.denials).toBe(2)
})

it('forgets bottles that ended first, and never one that lives', () => {
  const many = Array.from({ length: 600 }, (_, index): ActivityEvent => {
    const lives = index % 3 === 0
    return { kind: 'bottle', bottle: { id: `b${index}`, scopes: lives ? ['host'] : [] } }
  })
  const { bottles } = fold(...many)
  expect(bottles.size).toBe(500)
  expect([...bottles.values()].filter((bottle) => bottle.scopes.length > 0)).toHaveLength(200)
  expect(bottles.has('b599')).toBe(true)
})

const anyEvent: fc.Arbitrary<ActivityEvent> = fc
  .tuple(
    fc.constantFrom('start', 'progress', 'settle', 'deny'),
    fc.constantFrom('a', 'b', 'c'),
    fc.nat(500),
    fc.nat(200),
  )
  .map(([kind, id, tokens, minute]) => {
    const atMs = minute * minuteMs
    if (kind === 'start') return started(id, atMs)
    if (kind === 'progress') return progressed(id, tokens, atMs)
    return kind === 'settle' ? settled(id, tokens, atMs) : { kind: 'denied', bottleId: web }
  })

it('comes to the same in whatever batches the events are folded, and changes nothing that was folded before', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.nat(40), (events, split) => {
      const all = [began, ...events]
      const first = fold(...all.slice(0, split))
      const before = structuredClone(first)
      expect(foldActivity(first, all.slice(split))).toEqual(fold(...all))
      expect(first).toEqual(before)
    }),
  )
})
