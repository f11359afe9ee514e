/**
 * What every ledger must do, whatever stores it. `open` gives an empty ledger of owner `here`; `reopen` opens the same
 * records once more under another owner, while the first stays open.
 * One file, though long: it is read as the list of promises, and an implementation runs it whole.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { admit } from '../core/budget/admit.ts'
import type { BudgetKey, CounterKey } from '../core/budget/scope.ts'
import type { BottleFilter, BottleRow, EnforcementIntent, Ledger, ReserveRequest, SettleRequest } from './ledger.ts'

export interface LedgerUnderTest {
  readonly ledger: Ledger
  reopen(owner: string): Promise<Ledger>
  dispose(): Promise<void>
}

export const hourMs = 3_600_000
const startMs = Date.UTC(2026, 0, 15, 10, 20)

/** Names a budget of all time and its counter, too. */
export function counterKey(scope: string, provider = 'claude'): BudgetKey & CounterKey {
  return { scope, provider, period: 'total' }
}

export const host = counterKey('host')

/** A request for 100 tokens that the host's budget governs, unless told otherwise. */
export function reserveRequest(attemptId: string, changes: Partial<ReserveRequest> = {}): ReserveRequest {
  return {
    attemptId,
    bottleId: 'claude-x1y2',
    agent: 'claude',
    provider: 'claude',
    model: 'sonnet',
    holdTokens: 100,
    holdsRoom: true,
    inputTokens: 80,
    governing: [host],
    chain: ['host'],
    nowMs: startMs,
    ...changes,
  }
}

export function settleRequest(attemptId: string, changes: Partial<SettleRequest> = {}): SettleRequest {
  return {
    attemptId,
    usage: { inputTokens: 70, outputTokens: 20 },
    chargeTokens: 90,
    source: 'authoritative',
    model: null,
    ending: 'complete',
    nowMs: startMs + 1_000,
    ...changes,
  }
}

function intentOf(enforcementId: string, changes: Partial<EnforcementIntent> = {}): EnforcementIntent {
  return {
    enforcementId,
    bottleId: 'claude-x1y2',
    action: 'cutoff',
    trigger: 'budget',
    reason: 'host used 100 of 100',
    nowMs: startMs,
    ...changes,
  }
}

function bottleRow(id: string, changes: Partial<BottleRow> = {}): BottleRow {
  return {
    id,
    agent: 'claude',
    definitions: ['base', 'web'],
    state: 'starting',
    policy: 'cutoff',
    contained: true,
    createdAtMs: startMs,
    endedAtMs: null,
    exitCode: null,
    reference: '{}',
    ...changes,
  }
}

export function ledgerContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`the ledger on ${name}`, () => {
    let underTest: LedgerUnderTest
    let ledger: Ledger

    beforeEach(async () => {
      underTest = await open()
      ledger = underTest.ledger
    })
    afterEach(() => underTest.dispose())

    const counterAt = (key: CounterKey) => ledger.counter(key)
    const spend = async (attemptId: string, chargeTokens: number, changes: Partial<ReserveRequest> = {}) => {
      await ledger.reserve(reserveRequest(attemptId, { holdTokens: 0, ...changes }))
      await ledger.settle(settleRequest(attemptId, { chargeTokens }))
    }

    describe('reserve', () => {
      it('admits exactly as many concurrent requests as have room (L01)', async () => {
        await ledger.setLimit(host, 750)
        const attempts = Array.from({ length: 64 }, (_, index) => ledger.reserve(reserveRequest(`a${index}`)))
        const outcomes = await Promise.all(attempts)
        expect(outcomes.filter(({ kind }) => kind === 'reserved')).toHaveLength(7)
        expect(await counterAt(host)).toMatchObject({ settledTokens: 0, reservedTokens: 700 })
      })

      it('says pending while the room is only held by others, and admits once they have settled (L03)', async () => {
        await ledger.setLimit(host, 150)
        await ledger.reserve(reserveRequest('a'))
        expect(await ledger.reserve(reserveRequest('b'))).toEqual({
          kind: 'denied',
          reason: 'pending',
          counter: { ...host, limitTokens: 150, settledTokens: 0, reservedTokens: 100 },
        })
        await ledger.settle(settleRequest('a', { chargeTokens: 50 }))
        expect(await ledger.reserve(reserveRequest('b'))).toEqual({ kind: 'reserved' })
      })

      it('says exhausted when what is spent leaves no room (L03)', async () => {
        await ledger.setLimit(host, 150)
        await spend('a', 51)
        expect(await ledger.reserve(reserveRequest('b'))).toMatchObject({ kind: 'denied', reason: 'exhausted' })
      })

      it('denies even a hold of nothing once the limit is passed, and everything at a limit of 0 (L11)', async () => {
        await ledger.setLimit(host, 0)
        expect(await ledger.reserve(reserveRequest('a', { holdTokens: 1 }))).toMatchObject({ reason: 'exhausted' })
        await spend('b', 1)
        expect(await ledger.reserve(reserveRequest('c', { holdTokens: 0 }))).toMatchObject({ reason: 'exhausted' })
      })

      it('reopens when the limit is raised, and never touches what is spent (L10)', async () => {
        await ledger.setLimit(host, 100)
        await spend('a', 100)
        expect(await ledger.reserve(reserveRequest('b'))).toMatchObject({ kind: 'denied' })
        await ledger.setLimit(host, 200)
        expect(await counterAt(host)).toMatchObject({ limitTokens: 200, settledTokens: 100 })
        expect(await ledger.reserve(reserveRequest('b'))).toEqual({ kind: 'reserved' })
        await ledger.setLimit(host, null)
        expect(await counterAt(host)).toMatchObject({ limitTokens: null, settledTokens: 100 })
      })

      it('holds on all governing counters or on none, and names the most specific one without room', async () => {
        const run = counterKey('run:x')
        const agent = counterKey('agent:claude')
        await ledger.setLimit(run, 1_000)
        await ledger.setLimit(agent, 50)
        await ledger.setLimit(host, 10)
        const keys = { governing: [run, agent, host], chain: ['run:x', 'agent:claude', 'host'] }
        expect(await ledger.reserve(reserveRequest('a', keys))).toMatchObject({ kind: 'denied', counter: agent })
        for (const key of keys.governing) expect(await counterAt(key)).toMatchObject({ reservedTokens: 0 })
      })

      it('admits without any budget and still counts', async () => {
        expect(await ledger.reserve(reserveRequest('a', { governing: [] }))).toEqual({ kind: 'reserved' })
        await ledger.settle(settleRequest('a'))
        expect(await counterAt(host)).toEqual({ ...host, limitTokens: null, settledTokens: 90, reservedTokens: 0 })
      })

      it('keeps the providers apart (L16)', async () => {
        await ledger.setLimit(host, 100)
        const codex = counterKey('host', 'codex')
        await spend('a', 100, { provider: 'codex', governing: [codex], chain: ['host'] })
        expect(await ledger.reserve(reserveRequest('b'))).toEqual({ kind: 'reserved' })
        expect(await counterAt(codex)).toMatchObject({ settledTokens: 100, reservedTokens: 0 })
      })

      it('without a hold asks only whether a budget is spent, and keeps nobody else out', async () => {
        const daily = { scope: 'host', provider: 'claude', period: 'day' } as const
        const today = { ...daily, period: 'day:2026-01-15' }
        await ledger.setLimit(daily, 50)
        const unheld = { holdsRoom: false, governing: [today] }
        expect(await ledger.reserve(reserveRequest('a', unheld))).toEqual({ kind: 'reserved' })
        expect(await ledger.extend('a', 500)).toEqual({ kind: 'extended' })
        expect(await counterAt(today)).toMatchObject({ settledTokens: 0, reservedTokens: 0 })
        expect(await ledger.reserve(reserveRequest('b', unheld))).toEqual({ kind: 'reserved' })
        const settled = await ledger.settle(settleRequest('b', { chargeTokens: 50 }))
        expect(settled.kind === 'settled' && settled.counters).toContainEqual(
          expect.objectContaining({ ...today, limitTokens: 50, settledTokens: 50 }),
        )
        expect(await ledger.reserve(reserveRequest('c', unheld))).toMatchObject({ reason: 'exhausted', counter: today })
        const next = await underTest.reopen('next')
        expect(await next.recover(startMs)).toMatchObject([{ attemptId: 'a', chargeTokens: 500 }])
        expect(await next.counter(today)).toMatchObject({ settledTokens: 550, reservedTokens: 0 })
      })

      it('refuses an attempt that is open or settled, and what is not a token count, without any effect', async () => {
        await ledger.reserve(reserveRequest('a'))
        await expect(ledger.reserve(reserveRequest('a'))).rejects.toThrow()
        await ledger.settle(settleRequest('a'))
        await expect(ledger.reserve(reserveRequest('a'))).rejects.toThrow('settled before')
        for (const holdTokens of [-1, 1.5, Number.NaN, 2 ** 53]) {
          await expect(ledger.reserve(reserveRequest('b', { holdTokens }))).rejects.toThrow('holdTokens')
          await expect(ledger.setLimit(host, holdTokens)).rejects.toThrow('limitTokens')
        }
        expect(await counterAt(host)).toMatchObject({ limitTokens: null, settledTokens: 90, reservedTokens: 0 })
      })

      it('refuses a governing counter that the chain would not charge', async () => {
        for (const stray of [
          counterKey('run:x'),
          counterKey('host', 'codex'),
          { ...host, period: 'day:2026-01-16' },
          { ...host, period: 'run:other' },
        ]) {
          const request = reserveRequest('a', { governing: [stray], chain: ['run:claude-x1y2', 'host'] })
          await expect(ledger.reserve(request)).rejects.toThrow(`${stray.scope} of ${stray.period}`)
        }
      })

      it('spoils no neighbour by a call that fails', async () => {
        await ledger.setLimit(host, 10_000)
        await ledger.reserve(reserveRequest('taken'))
        const ids = ['a', 'taken', 'b', 'taken', 'c']
        const results = await Promise.allSettled(ids.map((id) => ledger.reserve(reserveRequest(id))))
        const statuses = results.map(({ status }) => status)
        expect(statuses).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
        expect(await counterAt(host)).toMatchObject({ reservedTokens: 400 })
      })
    })

    describe('one predicate', () => {
      it('reserve and extend decide as admit() does, in any state of the counter (L02)', async () => {
        const tokens = fc.nat({ max: 60 })
        const state = fc.record({
          limitTokens: fc.option(fc.nat({ max: 150 })),
          settledTokens: tokens,
          othersTokens: tokens,
          ownTokens: tokens,
          holdTokens: tokens,
        })
        let runs = 0
        await fc.assert(
          fc.asyncProperty(state, async ({ limitTokens, settledTokens, othersTokens, ownTokens, holdTokens }) => {
            const key = counterKey(`run:${++runs}`)
            const keys = { governing: [key], chain: [key.scope] }
            await ledger.reserve(reserveRequest(`others-${runs}`, { ...keys, holdTokens: othersTokens }))
            await ledger.reserve(reserveRequest(`own-${runs}`, { ...keys, holdTokens: ownTokens }))
            await spend(`spent-${runs}`, settledTokens, keys)
            await ledger.setLimit(key, limitTokens)
            const counter = await ledger.counter(key)

            const wholeTokens = Math.max(ownTokens, holdTokens)
            const extended = await ledger.extend(`own-${runs}`, holdTokens)
            const expected = admit(wholeTokens, counter, ownTokens).kind
            expect(extended.kind === 'denied' ? extended.reason : extended.kind).toBe(
              expected === 'admit' ? 'extended' : expected,
            )

            const status = await ledger.counter(key)
            const reserved = await ledger.reserve(reserveRequest(`new-${runs}`, { ...keys, holdTokens }))
            const decision = admit(holdTokens, status).kind
            expect(reserved.kind === 'denied' ? reserved.reason : reserved.kind).toBe(
              decision === 'admit' ? 'reserved' : decision,
            )
          }),
          { numRuns: 150 },
        )
      })
    })

    describe('extend', () => {
      const run = counterKey('run:x')
      const keys = { governing: [run, host], chain: ['run:x', 'host'] }

      it('grows the hold on several counters, all or none, and settle releases it in full (L08)', async () => {
        await ledger.setLimit(run, 1_000)
        await ledger.setLimit(host, 300)
        await ledger.reserve(reserveRequest('a', keys))
        expect(await ledger.extend('a', 250)).toEqual({ kind: 'extended' })
        expect(await ledger.extend('a', 301)).toMatchObject({ kind: 'denied', reason: 'exhausted', counter: host })
        expect(await counterAt(run)).toMatchObject({ reservedTokens: 250 })
        expect(await counterAt(host)).toMatchObject({ reservedTokens: 250 })
        await ledger.settle(settleRequest('a'))
        expect(await counterAt(run)).toMatchObject({ settledTokens: 90, reservedTokens: 0 })
        expect(await counterAt(host)).toMatchObject({ settledTokens: 90, reservedTokens: 0 })
      })

      it('counts the own hold once: a stream may fill the limit exactly (L02)', async () => {
        await ledger.setLimit(host, 100)
        await ledger.reserve(reserveRequest('a', { holdTokens: 60 }))
        expect(await ledger.extend('a', 100)).toEqual({ kind: 'extended' })
        expect(await ledger.extend('a', 101)).toMatchObject({ kind: 'denied', reason: 'exhausted' })
      })

      it('holds a counter once that is named twice, as a diamond of definitions may (L08, L18)', async () => {
        await ledger.setLimit(host, 150)
        expect(await ledger.reserve(reserveRequest('a', { governing: [host, run, host], chain: keys.chain }))).toEqual({
          kind: 'reserved',
        })
        expect(await ledger.extend('a', 150)).toEqual({ kind: 'extended' })
        expect(await counterAt(host)).toMatchObject({ reservedTokens: 150 })
        await ledger.settle(settleRequest('a'))
        expect(await counterAt(host)).toMatchObject({ settledTokens: 90, reservedTokens: 0 })
      })

      it('never ages: a stream of weeks keeps its hold, grows it and is charged where it began (L07)', async () => {
        const weekMs = 7 * 24 * hourMs
        await ledger.setLimit(host, 1_000)
        await ledger.reserve(reserveRequest('a'))
        for (let week = 1; week <= 4; week++) {
          expect(await ledger.recover(startMs + week * weekMs)).toEqual([])
          expect(await ledger.extend('a', 100 + 100 * week)).toEqual({ kind: 'extended' })
        }
        expect(await counterAt(host)).toMatchObject({ settledTokens: 0, reservedTokens: 500 })
        const nowMs = startMs + 4 * weekMs
        expect(await ledger.settle(settleRequest('a', { chargeTokens: 480, nowMs }))).toMatchObject({ kind: 'settled' })
        expect(await ledger.events({ limit: 1 })).toMatchObject([{ startedAtMs: startMs, settledAtMs: nowMs }])
        expect(await ledger.counter({ ...host, period: 'month:2026-01' })).toMatchObject({ settledTokens: 480 })
      })

      it('never shrinks a hold', async () => {
        await ledger.reserve(reserveRequest('a'))
        expect(await ledger.extend('a', 10)).toEqual({ kind: 'extended' })
        expect(await counterAt(host)).toMatchObject({ reservedTokens: 100 })
      })

      it('says gone when the reservation is settled or never was', async () => {
        await ledger.reserve(reserveRequest('a'))
        await ledger.settle(settleRequest('a'))
        expect(await ledger.extend('a', 500)).toEqual({ kind: 'gone' })
        expect(await ledger.extend('never', 500)).toEqual({ kind: 'gone' })
        expect(await counterAt(host)).toMatchObject({ reservedTokens: 0 })
      })
    })

    describe('settle', () => {
      it('charges in full, beyond the hold and beyond the limit (L04)', async () => {
        await ledger.setLimit(host, 100)
        await ledger.reserve(reserveRequest('a'))
        expect(await ledger.settle(settleRequest('a', { chargeTokens: 5_000 }))).toEqual({
          kind: 'settled',
          counters: [{ ...host, limitTokens: 100, settledTokens: 5_000, reservedTokens: 0 }],
        })
      })

      it('charges once, however often the end of an exchange is reported (L05)', async () => {
        await ledger.reserve(reserveRequest('a'))
        const twice = [ledger.settle(settleRequest('a')), ledger.settle(settleRequest('a', { chargeTokens: 7 }))]
        expect((await Promise.all(twice)).map(({ kind }) => kind)).toEqual(['settled', 'already_settled'])
        expect(await counterAt(host)).toMatchObject({ settledTokens: 90, reservedTokens: 0 })
        expect(await ledger.events({ limit: 10 })).toHaveLength(1)
      })

      it('rejects an attempt that was never reserved', async () => {
        await expect(ledger.settle(settleRequest('never'))).rejects.toThrow('never reserved')
      })

      it('charges child, parent and host once each: the children make up the parent (L14)', async () => {
        const governing = [counterKey('bottle:base')]
        await spend('a', 10, { governing, chain: ['bottle:web', 'bottle:base', 'bottle:base', 'host'] })
        await spend('b', 20, { governing, chain: ['bottle:docs', 'bottle:base', 'host'] })
        await spend('c', 5, { governing, chain: ['bottle:base', 'host'] })
        const settled = (await ledger.counters()).map(({ scope, settledTokens }) => [scope, settledTokens])
        expect(Object.fromEntries(settled)).toEqual({
          'bottle:web': 10,
          'bottle:docs': 20,
          'bottle:base': 35,
          host: 35,
        })
      })

      it('returns the counters in the order of the chain', async () => {
        const chain = ['run:x', 'agent:claude', 'host']
        await ledger.reserve(reserveRequest('a', { governing: [], chain }))
        const outcome = await ledger.settle(settleRequest('a'))
        expect(outcome.kind === 'settled' && outcome.counters.map(({ scope }) => scope)).toEqual([
          'run:x',
          'agent:claude',
          'host',
        ])
      })

      it('is right at once when a limit comes to a scope that has history and open holds (L12)', async () => {
        const web = counterKey('bottle:web')
        await spend('a', 30, { governing: [host], chain: ['bottle:web', 'host'] })
        await ledger.reserve(reserveRequest('b', { governing: [web], chain: ['bottle:web', 'host'] }))
        await ledger.setLimit(web, 200)
        expect(await counterAt(web)).toEqual({ ...web, limitTokens: 200, settledTokens: 30, reservedTokens: 100 })
        const fresh = counterKey('bottle:new')
        await ledger.setLimit(fresh, 5)
        expect(await counterAt(fresh)).toEqual({ ...fresh, limitTokens: 5, settledTokens: 0, reservedTokens: 0 })
        await ledger.settle(settleRequest('b'))
        expect(await counterAt(web)).toMatchObject({ settledTokens: 120, reservedTokens: 0 })
      })

      it('records every class of tokens: 0 is a value, absent stays absent', async () => {
        await ledger.reserve(reserveRequest('a', { model: 'asked' }))
        const usage = { inputTokens: 1, cacheWrite5mTokens: 2, cacheWrite1hTokens: 3, outputTokens: 0 }
        await ledger.settle(settleRequest('a', { usage, chargeTokens: 6, model: 'answered', source: 'partial' }))
        expect(await ledger.events({ limit: 1 })).toEqual([
          {
            ...usage,
            attemptId: 'a',
            bottleId: 'claude-x1y2',
            agent: 'claude',
            provider: 'claude',
            model: 'answered',
            chargeTokens: 6,
            source: 'partial',
            ending: 'complete',
            startedAtMs: startMs,
            settledAtMs: startMs + 1_000,
          },
        ])
      })

      it('keeps sums safe integers when a provider reports absurd numbers', async () => {
        const most = Number.MAX_SAFE_INTEGER
        for (const id of ['a', 'b']) await spend(id, most)
        expect(await counterAt(host)).toMatchObject({ settledTokens: most })
        expect(await ledger.verify()).toEqual([])
        expect(await ledger.usage({ by: 'bottle' })).toMatchObject([{ chargeTokens: most, exchanges: 2 }])
      })
    })

    describe('recover', () => {
      it('charges what other owners held, marks it estimated, and leaves the own reservations alone (L05)', async () => {
        await ledger.setLimit(host, 1_000)
        await ledger.reserve(reserveRequest('theirs'))
        await ledger.extend('theirs', 150)
        const next = await underTest.reopen('next')
        await next.reserve(reserveRequest('own'))
        expect(await next.recover(startMs + 5_000)).toEqual([
          { attemptId: 'theirs', bottleId: 'claude-x1y2', provider: 'claude', chargeTokens: 150 },
        ])
        expect(await next.recover(startMs + 6_000)).toEqual([])
        expect(await next.counters()).toMatchObject([{ settledTokens: 150, reservedTokens: 100 }])
        expect(await next.events({ limit: 9 })).toMatchObject([
          { attemptId: 'theirs', source: 'estimated', ending: 'controller_gone', settledAtMs: startMs + 5_000 },
        ])
        expect(await next.verify()).toEqual([])
      })
    })

    describe('the counters', () => {
      it('equal the sum of the events and of the open holds after any operations (I6)', async () => {
        const scopes = ['run', 'agent', 'host']
        const operation = fc.record({
          kind: fc.constantFrom('reserve', 'reserve', 'extend', 'settle', 'settle', 'limit'),
          attempt: fc.nat({ max: 7 }),
          tokens: fc.nat({ max: 100 }),
          governing: fc.subarray(scopes),
          chain: fc.subarray(scopes, { minLength: 1 }),
        })
        let runs = 0
        await fc.assert(
          fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
            const prefix = `${++runs}`
            const key = (scope: string) => counterKey(`${prefix}:${scope}`)
            const open = new Map<
              string,
              { holdTokens: number; governing: readonly string[]; chain: readonly string[] }
            >()
            const settledTokens = new Map<string, number>()
            let used = 0
            const idAt: string[] = []
            for (const { kind, attempt, tokens, governing, chain } of operations) {
              const attemptId = idAt[attempt] ?? 'none'
              if (kind === 'reserve') {
                const id = `${prefix}-${used++}`
                const whole = [...new Set([...governing, ...chain])]
                const keys = { governing: governing.map(key), chain: whole.map((scope) => key(scope).scope) }
                const { kind: outcome } = await ledger.reserve(reserveRequest(id, { ...keys, holdTokens: tokens }))
                if (outcome === 'reserved') open.set(id, { holdTokens: tokens, governing, chain: whole })
                idAt[attempt] = id
              } else if (kind === 'extend') {
                const { kind: outcome } = await ledger.extend(attemptId, tokens)
                const held = open.get(attemptId)
                expect(outcome === 'gone').toBe(held === undefined)
                if (held && outcome === 'extended') held.holdTokens = Math.max(held.holdTokens, tokens)
              } else if (kind === 'settle' && open.has(attemptId)) {
                await ledger.settle(settleRequest(attemptId, { chargeTokens: tokens }))
                for (const scope of open.get(attemptId)?.chain ?? []) {
                  settledTokens.set(scope, (settledTokens.get(scope) ?? 0) + tokens)
                }
                open.delete(attemptId)
              } else if (kind === 'limit') {
                await ledger.setLimit(key(governing[0] ?? 'host'), attempt === 0 ? null : tokens * 3)
              }
            }
            for (const scope of scopes) {
              const [counter] = await ledger.counters({ scope: key(scope).scope })
              const heldTokens = [...open.values()]
                .filter(({ governing }) => governing.includes(scope))
                .reduce((sum, { holdTokens }) => sum + holdTokens, 0)
              expect(counter?.settledTokens ?? 0).toBe(settledTokens.get(scope) ?? 0)
              expect(counter?.reservedTokens ?? 0).toBe(heldTokens)
            }
            expect(await ledger.verify()).toEqual([])
          }),
          { numRuns: 40 },
        )
      })

      it('are found by scope and by provider', async () => {
        await spend('a', 1, { chain: ['run:x', 'host'] })
        await spend('b', 2, { provider: 'codex', governing: [] })
        expect((await ledger.counters({ scope: 'host' })).map(({ provider }) => provider)).toEqual(['claude', 'codex'])
        expect((await ledger.counters({ provider: 'claude' })).map(({ scope }) => scope)).toEqual(['host', 'run:x'])
      })
    })

    describe('usage', () => {
      beforeEach(async () => {
        const usage = { inputTokens: 1, cacheWrite5mTokens: 2, cacheWrite1hTokens: 3, cacheReadTokens: 4 }
        const full = { ...usage, outputTokens: 5, reasoningTokens: 1 }
        await ledger.reserve(reserveRequest('a'))
        await ledger.settle(settleRequest('a', { usage: full, chargeTokens: 15, nowMs: startMs }))
        await ledger.reserve(reserveRequest('b', { model: null, bottleId: 'claude-z' }))
        const estimated = { usage: {}, chargeTokens: 40, source: 'estimated' as const, nowMs: startMs + hourMs }
        await ledger.settle(settleRequest('b', estimated))
        const codex = counterKey('host', 'codex')
        const foreign = { provider: 'codex', agent: 'codex', model: 'gpt', governing: [codex] }
        await ledger.reserve(reserveRequest('c', foreign))
        await ledger.settle(settleRequest('c', { usage: { inputTokens: 7 }, chargeTokens: 7, nowMs: startMs + hourMs }))
      })

      it('is grouped by bottle, agent, provider or model, most expensive first', async () => {
        const groups = async (by: 'bottle' | 'agent' | 'provider' | 'model') =>
          (await ledger.usage({ by })).map(({ group, provider, chargeTokens }) => [group, provider, chargeTokens])
        expect(await groups('bottle')).toEqual([
          ['claude-z', 'claude', 40],
          ['claude-x1y2', 'claude', 15],
          ['claude-x1y2', 'codex', 7],
        ])
        expect(await groups('agent')).toEqual([
          ['claude', 'claude', 55],
          ['codex', 'codex', 7],
        ])
        expect(await groups('provider')).toEqual([
          ['claude', 'claude', 55],
          ['codex', 'codex', 7],
        ])
        expect(await groups('model')).toEqual([
          ['', 'claude', 40],
          ['sonnet', 'claude', 15],
          ['gpt', 'codex', 7],
        ])
      })

      it('sums every class and says which part rests on estimates', async () => {
        expect(await ledger.usage({ by: 'agent' })).toEqual([
          {
            group: 'claude',
            provider: 'claude',
            exchanges: 2,
            inputTokens: 1,
            cacheWriteTokens: 5,
            cacheWrite1hTokens: 3,
            cacheReadTokens: 4,
            outputTokens: 5,
            reasoningTokens: 1,
            chargeTokens: 55,
            estimatedTokens: 40,
          },
          expect.objectContaining({ group: 'codex', exchanges: 1, chargeTokens: 7, estimatedTokens: 0 }),
        ])
      })

      it('can be asked for one bottle and from a moment on, rounded down to the hour', async () => {
        const charges = async (query: { bottleId?: string; sinceMs?: number }) =>
          (await ledger.usage({ by: 'provider', ...query })).map(({ chargeTokens }) => chargeTokens)
        expect(await charges({ bottleId: 'claude-x1y2' })).toEqual([15, 7])
        expect(await charges({ sinceMs: startMs + 30 * 60_000 })).toEqual([55, 7])
        expect(await charges({ sinceMs: startMs + hourMs })).toEqual([40, 7])
        expect(await charges({ bottleId: 'claude-z', sinceMs: startMs + 2 * hourMs })).toEqual([])
      })

      it('can be asked for the largest charges only', async () => {
        const charges = async (limit: number) =>
          (await ledger.usage({ by: 'bottle', limit })).map(({ chargeTokens }) => chargeTokens)
        expect(await charges(2)).toEqual([40, 15])
        expect(await charges(9)).toEqual([40, 15, 7])
      })

      it('can be asked for up to a moment, rounded up to the hour', async () => {
        const charges = async (query: { sinceMs?: number; untilMs: number }) =>
          (await ledger.usage({ by: 'provider', ...query })).map(({ chargeTokens }) => chargeTokens)
        const secondHourMs = Date.UTC(2026, 0, 15, 11)
        expect(await charges({ untilMs: secondHourMs })).toEqual([15])
        expect(await charges({ untilMs: secondHourMs + 1 })).toEqual([55, 7])
        expect(await charges({ sinceMs: secondHourMs, untilMs: secondHourMs })).toEqual([])
        expect(await charges({ untilMs: Date.UTC(2026, 0, 15, 10) })).toEqual([])
      })

      it('is grouped by hour and day of UTC, the first first, those that were used', async () => {
        const late = Date.UTC(2026, 0, 15, 23, 59, 59, 999)
        await ledger.reserve(reserveRequest('d'))
        await ledger.settle(settleRequest('d', { chargeTokens: 100, nowMs: late }))
        await ledger.reserve(reserveRequest('e'))
        await ledger.settle(settleRequest('e', { chargeTokens: 1_000, nowMs: late + 1 }))
        const groups = async (by: 'day' | 'hour') =>
          (await ledger.usage({ by })).map(({ group, provider, chargeTokens }) => [group, provider, chargeTokens])
        expect(await groups('hour')).toEqual([
          ['2026-01-15T10:00Z', 'claude', 15],
          ['2026-01-15T11:00Z', 'claude', 40],
          ['2026-01-15T11:00Z', 'codex', 7],
          ['2026-01-15T23:00Z', 'claude', 100],
          ['2026-01-16T00:00Z', 'claude', 1_000],
        ])
        expect(await groups('day')).toEqual([
          ['2026-01-15', 'claude', 155],
          ['2026-01-15', 'codex', 7],
          ['2026-01-16', 'claude', 1_000],
        ])
      })

      it('can tell the models of each group apart', async () => {
        const rows = await ledger.usage({ by: 'day', eachModel: true })
        expect(rows.map(({ group, provider, model, chargeTokens }) => [group, provider, model, chargeTokens])).toEqual([
          ['2026-01-15', 'claude', '', 40],
          ['2026-01-15', 'claude', 'sonnet', 15],
          ['2026-01-15', 'codex', 'gpt', 7],
        ])
        expect(await ledger.usage({ by: 'day' })).toEqual(
          expect.not.arrayContaining([expect.objectContaining({ model: expect.anything() })]),
        )
      })

      it('can tell the bottles of each group apart, with their agents', async () => {
        const rows = await ledger.usage({ by: 'day', eachModel: true, eachBottle: true })
        expect(
          rows.map(({ group, bottle, agent, model, chargeTokens }) => [group, bottle, agent, model, chargeTokens]),
        ).toEqual([
          ['2026-01-15', 'claude-z', 'claude', '', 40],
          ['2026-01-15', 'claude-x1y2', 'claude', 'sonnet', 15],
          ['2026-01-15', 'claude-x1y2', 'codex', 'gpt', 7],
        ])
      })

      it('can be asked for what was charged at one scope', async () => {
        const spending = { bottleId: 'web-a', chain: ['run:web-a', 'bottle:web', 'host'] }
        await ledger.reserve(reserveRequest('d', spending))
        await ledger.settle(settleRequest('d', { chargeTokens: 100 }))
        const charges = async (query: { scope: string; sinceMs?: number }) =>
          (await ledger.usage({ by: 'bottle', ...query })).map(({ group, chargeTokens }) => [group, chargeTokens])
        expect(await charges({ scope: 'bottle:web' })).toEqual([['web-a', 100]])
        expect(await charges({ scope: 'run:web-a' })).toEqual([['web-a', 100]])
        expect(await charges({ scope: 'bottle:we' })).toEqual([])
        expect(await charges({ scope: 'host', sinceMs: startMs + hourMs })).toEqual([
          ['claude-z', 40],
          ['claude-x1y2', 7],
        ])
        expect(await charges({ scope: 'host' })).toHaveLength(4)
      })

      it('lists the newest events, oldest of them first', async () => {
        const ids = async (filter: { bottleId?: string; limit: number }) =>
          (await ledger.events(filter)).map(({ attemptId }) => attemptId)
        expect(await ids({ limit: 2 })).toEqual(['b', 'c'])
        expect(await ids({ bottleId: 'claude-x1y2', limit: 9 })).toEqual(['a', 'c'])
      })
    })

    it('warns once per counter, limit and threshold, over restarts too (L19)', async () => {
      const warning = { ...host, limitTokens: 100, thresholdPercent: 80, nowMs: startMs }
      expect(await Promise.all([ledger.recordWarning(warning), ledger.recordWarning(warning)])).toEqual([true, false])
      const next = await underTest.reopen('next')
      expect(await next.recordWarning({ ...warning, nowMs: startMs + 1 })).toBe(false)
      expect(await next.recordWarning({ ...warning, thresholdPercent: 90 })).toBe(true)
      expect(await next.recordWarning({ ...warning, limitTokens: 200 })).toBe(true)
      expect(await next.recordWarning({ ...warning, scope: 'run:x' })).toBe(true)
    })

    describe('the audit', () => {
      it('has one open enforcement per bottle, however many begin at once (E11)', async () => {
        const both = [intentOf('e1'), intentOf('e2', { trigger: 'operator' })]
        expect(await Promise.all(both.map((intent) => ledger.beginEnforcement(intent)))).toEqual([
          { kind: 'begun' },
          { kind: 'open', enforcementId: 'e1' },
        ])
        expect(await ledger.beginEnforcement(intentOf('e3', { bottleId: 'other' }))).toEqual({ kind: 'begun' })
        expect(await ledger.audit({ limit: 9 })).toHaveLength(2)
      })

      it('keeps an intent without an outcome over a restart, until its outcome is recorded once (I8)', async () => {
        await ledger.beginEnforcement(intentOf('e1'))
        const next = await underTest.reopen('next')
        expect(await next.openEnforcements()).toEqual([
          {
            sequence: expect.any(Number),
            enforcementId: 'e1',
            bottleId: 'claude-x1y2',
            action: 'cutoff',
            trigger: 'budget',
            phase: 'intent',
            step: null,
            detail: 'host used 100 of 100',
            atMs: startMs,
            doneSteps: [],
          },
        ])
        const outcome = { enforcementId: 'e1', outcome: 'done', detail: '2 streams ended', nowMs: startMs + 9 } as const
        await next.endEnforcement(outcome)
        await next.endEnforcement({ ...outcome, outcome: 'failed' })
        expect(await next.openEnforcements()).toEqual([])
        expect((await next.audit({ limit: 9 })).map(({ phase, detail }) => [phase, detail])).toEqual([
          ['intent', 'host used 100 of 100'],
          ['done', '2 streams ended'],
        ])
        expect(await next.beginEnforcement(intentOf('e2', { action: 'restore' }))).toEqual({ kind: 'begun' })
      })

      it('keeps each step of an enforcement once over a restart, and none after its outcome (E08)', async () => {
        await ledger.beginEnforcement(intentOf('e1', { action: 'kill' }))
        const step = { enforcementId: 'e1', step: 'close', detail: '2 streams ended', nowMs: startMs + 3 }
        await ledger.recordStep(step)
        await ledger.recordStep({ ...step, detail: 'another time' })
        const next = await underTest.reopen('next')
        expect(await next.openEnforcements()).toMatchObject([{ enforcementId: 'e1', doneSteps: ['close'] }])
        await next.recordStep({ ...step, step: 'end' })
        expect(await next.openEnforcements()).toMatchObject([{ doneSteps: ['close', 'end'] }])
        await next.endEnforcement({ enforcementId: 'e1', outcome: 'done', detail: '', nowMs: startMs + 9 })
        await next.recordStep({ ...step, step: 'late' })
        expect(await next.audit({ limit: 9 })).toMatchObject([
          { phase: 'intent', step: null },
          { phase: 'step', step: 'close', detail: '2 streams ended', action: 'kill', atMs: startMs + 3 },
          { phase: 'step', step: 'end' },
          { phase: 'done', step: null },
        ])
      })

      it('rejects the step and the outcome of an unknown enforcement', async () => {
        const step = { enforcementId: 'never', step: 'close', detail: '', nowMs: startMs }
        await expect(ledger.recordStep(step)).rejects.toMatchObject({ code: 'not_found' })
        const outcome = { enforcementId: 'never', outcome: 'done', detail: '', nowMs: startMs } as const
        await expect(ledger.endEnforcement(outcome)).rejects.toMatchObject({ code: 'not_found' })
      })

      it('keeps what was ended for a limit as one line, also while an enforcement is open (S13)', async () => {
        await ledger.beginEnforcement(intentOf('e1'))
        const note = { bottleId: 'claude-x1y2', detail: 'the process yes was ended', nowMs: startMs + 1 }
        for (const enforcementId of ['l1', 'l2']) await ledger.recordLimit({ enforcementId, ...note })
        const next = await underTest.reopen('next')
        expect(await next.openEnforcements()).toMatchObject([{ enforcementId: 'e1' }])
        const line = { action: 'limit', trigger: 'limit', phase: 'done', step: null, detail: note.detail }
        expect(await next.audit({ limit: 9 })).toMatchObject([
          { phase: 'intent' },
          line,
          { ...line, enforcementId: 'l2' },
        ])
      })

      it('lists the newest entries, oldest of them first, of all bottles or of one', async () => {
        for (const bottleId of ['a', 'b', 'c']) await ledger.beginEnforcement(intentOf(`e-${bottleId}`, { bottleId }))
        expect((await ledger.audit({ limit: 2 })).map(({ bottleId }) => bottleId)).toEqual(['b', 'c'])
        expect((await ledger.audit({ limit: 2, bottleId: 'a' })).map(({ bottleId }) => bottleId)).toEqual(['a'])
      })
    })

    describe('bottles', () => {
      it('are found by id as they were written, and change only where told', async () => {
        const row = bottleRow('claude-x1y2', { contained: false, policy: 'kill', reference: '{"pid":7}' })
        await ledger.insertBottle(row)
        expect(await ledger.bottle('claude-x1y2')).toEqual(row)
        await ledger.updateBottle('claude-x1y2', { state: 'exited', endedAtMs: startMs + 5, exitCode: 3 })
        expect(await ledger.bottle('claude-x1y2')).toEqual({
          ...row,
          state: 'exited',
          endedAtMs: startMs + 5,
          exitCode: 3,
        })
        expect(await ledger.bottle('other')).toBeUndefined()
      })

      it('are listed newest first, all, only the living, or these with the frozen', async () => {
        await ledger.insertBottle(bottleRow('old', { state: 'cut' }))
        await ledger.insertBottle(bottleRow('dead', { createdAtMs: startMs + 1, state: 'killed' }))
        await ledger.insertBottle(bottleRow('new', { createdAtMs: startMs + 1, state: 'running' }))
        await ledger.insertBottle(bottleRow('ice', { createdAtMs: startMs - 1, state: 'frozen', policy: 'freeze' }))
        const ids = async (filter: BottleFilter) => (await ledger.bottles(filter)).map(({ id }) => id)
        expect(await ids({ living: false })).toEqual(['new', 'dead', 'old', 'ice'])
        expect(await ids({ living: true })).toEqual(['new', 'old'])
        expect(await ids({ living: true, frozen: true })).toEqual(['new', 'old', 'ice'])
        expect(await ids({ living: false, limit: 1 })).toEqual(['new'])
      })

      it('reject an id that is taken and a change of one that is not there', async () => {
        await ledger.insertBottle(bottleRow('a'))
        await expect(ledger.insertBottle(bottleRow('a'))).rejects.toMatchObject({ code: 'conflict' })
        await expect(ledger.updateBottle('b', { state: 'cut' })).rejects.toMatchObject({ code: 'not_found' })
      })
    })

    describe('what was learned', () => {
      const learned = (model: string, updatedAtMs: number, state = '{}') => ({
        provider: 'claude',
        model,
        state,
        updatedAtMs,
      })

      it('is found again, the latest first, each model once', async () => {
        expect(await ledger.estimators()).toEqual([])
        await ledger.saveEstimators([learned('a', 1), learned('', 3), { ...learned('a', 2), provider: 'codex' }], 10)
        await ledger.saveEstimators([learned('a', 4, '{"second":"é"}')], 10)
        const next = await underTest.reopen('next')
        expect(await next.estimators()).toEqual([
          learned('a', 4, '{"second":"é"}'),
          learned('', 3),
          { ...learned('a', 2), provider: 'codex' },
        ])
      })

      it('is kept for so many models, those that learned last', async () => {
        await ledger.saveEstimators([learned('a', 1), learned('b', 2), learned('c', 3)], 10)
        await ledger.saveEstimators([learned('d', 4)], 2)
        expect((await ledger.estimators()).map(({ model }) => model)).toEqual(['d', 'c'])
      })
    })

    it('answers what is in flight when it is closed, and rejects what comes after', async () => {
      const before = ledger.reserve(reserveRequest('a'))
      const closed = ledger[Symbol.asyncDispose]()
      await expect(ledger.reserve(reserveRequest('b'))).rejects.toMatchObject({ code: 'ledger_unusable' })
      expect(await before).toEqual({ kind: 'reserved' })
      await closed
      await ledger[Symbol.asyncDispose]()
      const next = await underTest.reopen('next')
      expect(await next.counters()).toMatchObject([{ reservedTokens: 100 }])
    })
  })
}
