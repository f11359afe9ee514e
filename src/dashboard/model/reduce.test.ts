import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openActivityBook } from '../../controller/activity-book.ts'
import type { ControllerEvent } from '../../controller/api.ts'
import { createEventBus } from '../../controller/event-bus.ts'
import {
  after,
  auditEntries,
  bottle,
  budget,
  counterOf,
  denied,
  enforced,
  events,
  nowMs,
  progressed,
  settled,
  started,
} from '../stage.fixture.ts'
import { bottleRows } from './bottles.ts'
import { budgetRows } from './budgets.ts'
import { reduce } from './reduce.ts'

const host = budget('host', { settledTokens: 1_000, holdsFor: ['web-1'] })
const loaded = after(
  { kind: 'connected' },
  { kind: 'bottles', bottles: [bottle('web-1')] },
  { kind: 'budgets', budgets: [host] },
)
const told = (state: typeof loaded, ...all: readonly ControllerEvent[]) => reduce(state, events(...all), nowMs)
const rowOf = (state: typeof loaded, id: string) => bottleRows(state).find(({ view }) => view.id === id)

describe('a stream', () => {
  it('is held against its budgets and runs up while it streams, then is settled in its place', () => {
    const running = told(loaded, started('web-1', 'a'), progressed('web-1', 'a', 300)).state
    expect(budgetRows(running)[0]).toMatchObject({ heldTokens: 400, usedShare: 0.014 })
    expect(rowOf(running, 'web-1')).toMatchObject({ liveTokens: 300, usedTokens: 300 })
    const counters = [{ ...counterOf(host), settledTokens: 3_400 }]
    const ended = told(running, settled('web-1', 'a', { counters })).state
    expect(budgetRows(ended)[0]).toMatchObject({ heldTokens: 0, usedShare: 0.034 })
    expect(rowOf(ended, 'web-1')).toMatchObject({ liveTokens: 0, usedTokens: 2_400 })
  })

  it('counts for budgets that no exchange was held against so far, whose counter is not told', () => {
    const agent = budget('agent:web', { settledTokens: 5 })
    const others = [
      budget('agent:docs', { settledTokens: 5 }),
      budget('host', { period: 'run:docs-1', settledTokens: 5 }),
    ]
    const read = reduce(loaded, { kind: 'budgets', budgets: [agent, ...others] }, nowMs).state
    expect(told(read, settled('web-1', 'a')).state.budgets.map(({ settledTokens }) => settledTokens)).toEqual([
      2_405, 5, 5,
    ])
    expect(
      reduce(told(read, settled('web-1', 'a')).state, { kind: 'budgets', budgets: [agent] }, nowMs).state.budgets,
    ).toEqual([agent])
  })

  it('of another provider is not held against it', () => {
    const other = { ...progressed('web-1', 'a', 300), provider: 'codex' }
    expect(budgetRows(told(loaded, other).state)[0]).toMatchObject({ heldTokens: 0 })
  })
})

describe('what is read', () => {
  it('does not undo what was told while it was on its way', () => {
    const newer = told(loaded, settled('web-1', 'a', { counters: [{ ...counterOf(host), settledTokens: 3_400 }] }), {
      ...{ kind: 'bottle', bottle: bottle('web-1', { state: 'cut' }), atMs: nowMs },
    }).state
    const read = reduce(newer, { kind: 'budgets', budgets: [host] }, nowMs).state
    expect(read.budgets[0]?.settledTokens).toBe(3_400)
    const both = reduce(read, { kind: 'bottles', bottles: [bottle('web-1'), bottle('web-2')] }, nowMs).state
    expect([...both.bottles.values()].map(({ id, state }) => [id, state])).toEqual([
      ['web-1', 'cut'],
      ['web-2', 'running'],
    ])
  })

  it('is a truth that what a lost controller told is not: a bottle that is gone is gone', () => {
    const again = reduce(loaded, { kind: 'connected' }, nowMs).state
    expect(reduce(again, { kind: 'bottles', bottles: [] }, nowMs).state.bottles.size).toBe(0)
  })

  it('is asked for when events say that it is old, and when a period ends', () => {
    expect(told(loaded, { kind: 'limits_changed', atMs: nowMs }).effects).toEqual([
      { kind: 'load', list: 'budgets' },
      { kind: 'load', list: 'bottles' },
    ])
    expect(told(loaded, enforced('web-1')).effects).toEqual([{ kind: 'load', list: 'audit' }])
    expect(told(loaded, started('web-1', 'a'), settled('web-1', 'a'), denied('web-1')).effects).toEqual([])
    const resetsAtMs = nowMs + 500
    const daily = reduce(loaded, { kind: 'budgets', budgets: [{ ...host, resetsAtMs }] }, nowMs).state
    expect(reduce(daily, { kind: 'tick' }, resetsAtMs - 1).effects).toEqual([])
    const due = reduce(daily, { kind: 'tick' }, resetsAtMs)
    expect(due.effects).toEqual([{ kind: 'load', list: 'budgets' }])
    expect(reduce(due.state, { kind: 'tick' }, resetsAtMs + 1_000).effects).toEqual([])
  })
})

it('begins again where a snapshot says that the controller stands', () => {
  const tokens = { inputTokens: 1, cacheWriteTokens: 2, cacheReadTokens: 3, outputTokens: 4 }
  const seen = { bottleId: 'web-1', scopes: ['host'], exchanges: 9, tokens, chargedTokens: 10, denials: 0, open: [] }
  const { state } = told(
    loaded,
    denied('web-1'),
    { kind: 'activity', bottles: [seen], flows: [], atMs: nowMs },
    denied('web-1'),
  )
  expect(state.activity.bottles.get('web-1')).toEqual({ ...seen, denials: 1 })
})

it('keeps bottles that ended before our eyes, the last ones of them', () => {
  const ends = Array.from({ length: 60 }, (_, index): ControllerEvent => {
    return { kind: 'bottle', bottle: bottle(`end-${index}`, { state: 'exited', endedAtMs: nowMs }), atMs: nowMs }
  })
  const { bottles } = told(loaded, ...ends).state
  expect(bottles.size).toBe(51)
  expect([bottles.has('web-1'), bottles.has('end-9'), bottles.has('end-10')]).toEqual([true, false, true])
})

it('tells warnings, cuts and failures as they come, and nothing else', () => {
  const warning: ControllerEvent = {
    kind: 'warning',
    bottleId: 'web-1',
    thresholdPercent: 80,
    counter: counterOf(host),
    atMs: nowMs,
  }
  expect(told(loaded, warning).state.notice).toMatchObject({
    tone: 'warn',
    text: expect.stringMatching(/^web-1: 80 % of/),
  })
  expect(told(loaded, enforced('web-1')).state.notice).toMatchObject({
    tone: 'bad',
    text: expect.stringMatching(/^web-1: cut off: budget spent/),
  })
  expect(told(loaded, enforced('web-1', { action: 'restore', detail: 'asked for' })).state.notice).toMatchObject({
    tone: 'good',
  })
  expect(told(loaded, started('web-1', 'a'), settled('web-1', 'a'), denied('web-1')).state.notice).toBeUndefined()
})

it('shows how long a controller is lost from when it was first lost', () => {
  const lost = reduce(loaded, { kind: 'lost', why: 'it has ended' }, nowMs).state
  const still = reduce(lost, { kind: 'lost', why: 'no controller is running' }, nowMs + 5_000).state
  expect(still.link).toEqual({ kind: 'lost', sinceMs: nowMs, why: 'it has ended' })
  expect(reduce(still, { kind: 'connected' }, nowMs + 6_000)).toMatchObject({
    state: { link: { kind: 'live' } },
    effects: ['bottles', 'budgets', 'audit'].map((list) => ({ kind: 'load', list })),
  })
})

describe('the bottle that is looked at', () => {
  const looked = {
    ...loaded,
    detail: { id: 'web-1', section: 'exchanges' as const, offset: 0, exchanges: [], denials: [] },
  }

  it('gets its new exchanges and denials, each once, and no other’s', () => {
    const { detail } = told(
      looked,
      settled('web-1', 'a'),
      settled('web-1', 'a'),
      settled('web-2', 'b'),
      denied('web-1'),
      denied('web-1'),
      denied('web-1', '/y'),
    ).state
    expect(detail?.exchanges).toMatchObject([{ attemptId: 'a', cacheReadTokens: 2_000, settledAtMs: nowMs }])
    expect(detail?.denials).toMatchObject([
      { path: '/x', count: 2 },
      { path: '/y', count: 1 },
    ])
  })

  it('is looked at again each second where no event tells of it, while it is on the screen and the controller is heard', () => {
    const load = { kind: 'load_detail', id: 'web-1', section: 'log' }
    const watching = { ...loaded, detail: { ...looked.detail, section: 'log' as const } }
    expect(reduce(watching, { kind: 'tick' }, nowMs).effects).toEqual([load])
    expect(reduce(looked, { kind: 'tick' }, nowMs).effects).toEqual([])
    const lost = reduce(watching, { kind: 'lost', why: 'it has ended' }, nowMs).state
    expect(reduce(lost, { kind: 'tick' }, nowMs).effects).toEqual([])
  })

  it('is read anew with a new controller, and what comes late for another is dropped', () => {
    expect(reduce(looked, { kind: 'connected' }, nowMs).effects).toContainEqual({
      kind: 'load_detail',
      id: 'web-1',
      section: 'exchanges',
    })
    const late = reduce(looked, { kind: 'detail', id: 'web-2', part: { audit: auditEntries } }, nowMs).state
    expect(late.detail?.audit).toBeUndefined()
  })
})

const oneEvent = fc
  .tuple(
    fc.constantFrom('start', 'progress', 'settle', 'deny', 'cut'),
    ...([fc.constantFrom('web-1', 'web-2'), fc.constantFrom('a', 'b'), fc.nat(9_000)] as const),
  )
  .map(([kind, id, attempt, tokens]): ControllerEvent => {
    if (kind === 'start') return started(id, attempt)
    if (kind === 'progress') return progressed(id, attempt, tokens)
    if (kind === 'settle') return settled(id, attempt, { counters: [{ ...counterOf(host), settledTokens: tokens }] })
    return kind === 'deny' ? denied(id) : enforced(id)
  })
const anyEvents = fc.array(oneEvent, { maxLength: 30 })

it('comes to the same in whatever pieces the events arrive, and never changes a state that was shown', () => {
  fc.assert(
    fc.property(anyEvents, fc.nat(30), (all, split) => {
      const before = structuredClone(loaded)
      const first = told(loaded, ...all.slice(0, split)).state
      expect(told(first, ...all.slice(split)).state).toEqual(told(loaded, ...all).state)
      expect(loaded).toEqual(before)
    }),
  )
})

it('agrees with a dashboard that was opened later, at whatever moment that was', async () => {
  const ledger = { bottles: async () => [], usage: async () => [] }
  await fc.assert(
    fc.asyncProperty(anyEvents, fc.nat(30), async (all, moment) => {
      const bus = createEventBus()
      using book = await openActivityBook({ bus, ledger, nowMs: () => nowMs })
      const first = reduce(loaded, events(book.snapshot()), nowMs).state
      for (const event of all.slice(0, moment)) bus.emit(event)
      const later = reduce(loaded, events(book.snapshot()), nowMs).state
      const one = told(first, ...all).state.activity
      expect(told(later, ...all.slice(moment)).state.activity).toEqual(one)
    }),
  )
})
