import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { plainBudget } from '../core/budget/defined-budget.ts'
import { recentSinceMs } from '../core/budget/forecast.ts'
import type { Provider } from '../core/provider/provider.ts'
import { reserveRequest, settleRequest } from '../ledger/ledger.contract.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { openSqliteLedger } from '../ledger/sqlite/sqlite-ledger.ts'
import { type BudgetBook, createBudgetBook } from './budget-book.ts'
import { type BudgetDesk, createBudgetDesk } from './budget-desk.ts'
import type { LiveBottle } from './live-bottle.ts'

const nowMs = Date.UTC(2026, 10, 22, 12)
const hourMs = 3_600_000
const claude = (limitTokens: number) => plainBudget({ provider: 'claude', limitTokens })

let home: string
let ledger: Ledger
let book: BudgetBook
let desk: BudgetDesk
let living: Map<string, LiveBottle>
let changes: number

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bot-bottle-desk-'))
  await mkdir(join(home, 'bottles'))
  await writeFile(join(home, 'bottles', 'web.md'), '')
  ledger = await openSqliteLedger({ path: join(home, 'ledger.db'), owner: 'here' })
  book = createBudgetBook({ ledger, thresholdsPercent: [] })
  living = new Map([bottle('a-1'), bottle('b-2')].map((one) => [one.id, one]))
  changes = 0
  const limitsChanged = async () => void changes++
  desk = createBudgetDesk({ book, ledger, living, home, nowMs: () => nowMs, limitsChanged })
})
afterEach(async () => {
  await ledger[Symbol.asyncDispose]()
  await rm(home, { recursive: true })
})

function bottle(id: string): LiveBottle {
  const chain = [`run:${id}`, 'agent:rev', 'bottle:web', 'host']
  const live: Partial<LiveBottle> = {
    id,
    chain,
    providers: [{ name: 'claude' } as Provider],
    budgetsOf: ({ name }, atMs) => ({ chain, governing: book.holding(chain, name, atMs) }),
  }
  return live as LiveBottle
}

async function spend(attemptId: string, run: string, chargeTokens: number): Promise<void> {
  await ledger.reserve(
    reserveRequest(attemptId, {
      bottleId: run.slice(4),
      governing: [],
      chain: [run, 'agent:rev', 'bottle:web', 'host'],
      nowMs,
    }),
  )
  await ledger.settle(settleRequest(attemptId, { chargeTokens, nowMs }))
}

const host = { kind: 'host', name: '' } as const
const web = { kind: 'bottle', name: 'web' } as const

describe('the list', () => {
  it('shows each budget with its counter, what is left, when it resets, and for whom it holds', async () => {
    await book.define(host, [{ ...claude(100), period: 'month' }])
    await book.override({ kind: 'run', name: 'b-2' }, [claude(50)])
    await spend('x', 'run:b-2', 30)
    await ledger.reserve(
      reserveRequest('y', {
        ...{ governing: [{ scope: 'host', provider: 'claude', period: 'month:2026-11' }], holdTokens: 25 },
        ...{ chain: ['run:a-1', 'host'], nowMs },
      }),
    )
    const recent = { usedTokens: 30, exchanges: 1, sinceMs: recentSinceMs(nowMs) }
    expect(await desk.list()).toEqual([
      {
        ...{ scope: 'host', provider: 'claude', period: 'month:2026-11', always: false, origin: 'file' },
        ...{ limitTokens: 100, settledTokens: 30, reservedTokens: 25, leftTokens: 45 },
        ...{ resetsAtMs: Date.UTC(2026, 11, 1), holdsFor: ['a-1'] },
        ...{ overruledFor: [{ bottleId: 'b-2', byScope: 'run:b-2' }], forecast: { kind: 'unknown' } },
        recent,
      },
      {
        ...{ scope: 'run:b-2', provider: 'claude', period: 'total', always: false, origin: 'operator' },
        ...{ limitTokens: 50, settledTokens: 30, reservedTokens: 0, leftTokens: 20 },
        ...{ resetsAtMs: null, holdsFor: ['b-2'], overruledFor: [], forecast: { kind: 'unknown' } },
        recent,
      },
    ])
  })

  it('has a budget per run once for each run, and once where there is none; ended runs are gone', async () => {
    await book.define(web, [{ ...claude(10), period: 'run' }])
    await book.override({ kind: 'run', name: 'gone-3' }, [claude(5)])
    await spend('x', 'run:a-1', 7)
    const periods = async () => (await desk.list()).map(({ period, leftTokens }) => [period, leftTokens])
    expect(await periods()).toEqual([
      ['run:a-1', 3],
      ['run:b-2', 10],
    ])
    living.clear()
    expect(await periods()).toEqual([['run', 10]])
  })

  it('foresees when a budget is spent, from what all bottles of its scope used lately', async () => {
    await book.define(host, [claude(100_000)])
    await book.define(web, [{ ...claude(1_000), period: 'run' }])
    const began = {
      definitions: ['web'],
      state: 'running',
      policy: 'cutoff',
      contained: true,
      reference: '{}',
    } as const
    const open = { agent: 'rev', endedAtMs: null, exitCode: null, ...began }
    await ledger.insertBottle({ ...open, id: 'a-1', createdAtMs: nowMs - hourMs / 2 })
    await ledger.insertBottle({ ...open, id: 'b-2', createdAtMs: nowMs - hourMs })
    for (const attempt of ['u', 'v', 'w']) await spend(attempt, 'run:a-1', 100)
    const forecasts = async () => (await desk.list()).map(({ period, forecast }) => [period, forecast])
    expect(await forecasts()).toEqual([
      ['total', { kind: 'runs_out', tokensPerHour: 600, atMs: nowMs + (99_700 / 600) * hourMs }],
      ['run:a-1', { kind: 'runs_out', tokensPerHour: 600, atMs: nowMs + (700 / 600) * hourMs }],
      ['run:b-2', { kind: 'idle' }],
    ])
    for (const attempt of ['x', 'y', 'z']) await spend(attempt, 'run:b-2', 100)
    expect(await forecasts()).toMatchObject([
      ['total', { tokensPerHour: 600 }],
      ['run:a-1', { tokensPerHour: 600 }],
      ['run:b-2', { tokensPerHour: 300 }],
    ])
  })

  it('names the bottles for which a more specific budget governs', async () => {
    await book.define(host, [
      { ...claude(100), always: true },
      { ...claude(10), period: 'day' },
    ])
    await book.define(web, [{ ...claude(50), period: 'run' }])
    await book.override({ kind: 'run', name: 'b-2' }, [claude(50)])
    const byB = { bottleId: 'b-2', byScope: 'run:b-2' }
    expect((await desk.list()).map(({ period, overruledFor }) => [period, overruledFor])).toEqual([
      ['day:2026-11-22', [{ bottleId: 'a-1', byScope: 'bottle:web' }, byB]],
      ['total', []],
      ['run:a-1', []],
      ['run:b-2', [byB]],
      ['total', []],
    ])
  })

  it('never shows less than nothing left', async () => {
    await book.define(host, [claude(10)])
    await spend('x', 'run:a-1', 700)
    expect(await desk.list()).toMatchObject([{ settledTokens: 700, leftTokens: 0 }])
  })
})

it('explains every budget of a bottle by what it means there (L15)', async () => {
  await book.define(host, [{ ...claude(1_000), always: true }])
  await book.define(web, [claude(100)])
  await book.override({ kind: 'run', name: 'a-1' }, [claude(50)])
  const explained = await desk.explain(bottle('a-1'))
  expect(explained.map(({ scope, role, limitTokens }) => [scope, role, limitTokens])).toEqual([
    ['run:a-1', 'governs', 50],
    ['bottle:web', 'overruled', 100],
    ['host', 'always', 1_000],
  ])
  expect((await desk.explain(bottle('b-2'))).map(({ scope, role }) => [scope, role])).toEqual([
    ['bottle:web', 'governs'],
    ['host', 'always'],
  ])
})

describe('a change', () => {
  const budget = { limitTokens: 70, period: 'day', always: true } as const

  it.each([
    ['host', 'claude'],
    ['bottle:web', 'claude'],
    ['bottle:claude', 'claude'],
    ['agent:claude', 'own-provider'],
    ['agent:rev', 'codex'],
    ['run:a-1', 'claude'],
  ])('at %s for %s takes the place of what the files say, until it is removed (L10)', async (scope, provider) => {
    expect(await desk.change({ scope, provider, budget })).toEqual({ changed: true })
    expect(await ledger.limits({ scope })).toEqual([{ scope, provider, period: 'day', limitTokens: 70 }])
    expect(changes).toBe(1)
    expect(await desk.change({ scope, provider, budget: null })).toEqual({ changed: true })
    expect(await desk.change({ scope, provider, budget: null })).toEqual({ changed: false })
    expect(await ledger.limits()).toEqual([])
    expect(changes).toBe(2)
  })

  it.each([
    ['hosts', 'claude', '"hosts" is no scope', 'bottle:NAME'],
    ['bottle:wep', 'claude', 'there is no bottle "wep"', 'Did you mean bottle:web?'],
    ['agent:nobody-knows', 'claude', 'there is no agent', 'bot-bottle agents'],
    ['run:c-3', 'claude', 'no bottle "c-3" is running', 'bot-bottle ps'],
    ['run:a-1', 'codex', 'does not use the provider "codex"', 'It uses: claude.'],
    ['host', 'cluade', 'there is no provider "cluade"', 'Did you mean claude?'],
    ['host', 'My Provider', 'there is no provider', 'Built in are'],
  ])('at %s for %s is refused: it would never hold', async (scope, provider, message, hint) => {
    await expect(desk.change({ scope, provider, budget })).rejects.toMatchObject({
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    })
    expect(await ledger.overrides()).toEqual([])
    expect(changes).toBe(0)
  })
})
