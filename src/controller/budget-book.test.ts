import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DefinedBudget, plainBudget } from '../core/budget/defined-budget.ts'
import type { Scope } from '../core/budget/scope.ts'
import { defaultThresholdsPercent } from '../core/budget/thresholds.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { openSqliteLedger } from '../ledger/sqlite/sqlite-ledger.ts'
import { type BudgetBook, createBudgetBook } from './budget-book.ts'

const host: Scope = { kind: 'host', name: '' }
const web: Scope = { kind: 'bottle', name: 'web' }
const run: Scope = { kind: 'run', name: 'rev-1' }
const chain = ['run:rev-1', 'agent:rev', 'bottle:web', 'host']
const noon = Date.UTC(2026, 10, 22, 12)

const budget = (limitTokens: number, changes: Partial<DefinedBudget> = {}): DefinedBudget => ({
  ...plainBudget({ provider: 'claude', limitTokens }),
  ...changes,
})

let directory: string
let ledger: Ledger
let book: BudgetBook

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-book-'))
  ledger = await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'here' })
  book = newBook()
})
afterEach(async () => {
  await ledger[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

const newBook = () => createBudgetBook({ ledger, thresholdsPercent: defaultThresholdsPercent })
const held = (provider = 'claude', nowMs = noon) =>
  book.holding(chain, provider, nowMs).map(({ scope, period }) => `${scope} ${period}`)
const limits = async () =>
  (await ledger.limits()).map(({ scope, provider, period, limitTokens }) =>
    [scope, provider, period, limitTokens].join(' '),
  )

describe('the budgets that hold', () => {
  it('are that of the most specific scope and those marked always, in the periods of the moment (L15)', async () => {
    await book.define(host, [budget(9, { period: 'month', always: true }), budget(8)])
    expect(held()).toEqual(['host month:2026-11', 'host total'])
    await book.define(web, [budget(7, { period: 'week' })])
    expect(held()).toEqual(['bottle:web week:2026-W47', 'host month:2026-11'])
    await book.override(run, [budget(5)])
    expect(held()).toEqual(['run:rev-1 total', 'host month:2026-11'])
    expect(held('claude', Date.UTC(2026, 11, 1))).toEqual(['run:rev-1 total', 'host month:2026-12'])
    expect(held('codex')).toEqual([])
  })

  it('for a run are counted by the run', async () => {
    await book.define(web, [budget(7, { period: 'run' })])
    expect(held()).toEqual(['bottle:web run:rev-1'])
  })

  it('are replaced by what is defined next, also what an earlier controller had defined', async () => {
    await book.define(host, [budget(9, { period: 'month' }), { ...budget(4), provider: 'codex' }])
    book = newBook()
    expect(held()).toEqual([])
    await book.define(host, [budget(3, { period: 'day' })])
    expect(await limits()).toEqual(['host claude day 3'])
    expect(held()).toEqual(['host day:2026-11-22'])
    await book.define(host, [])
    expect(await limits()).toEqual([])
    expect(held()).toEqual([])
  })

  it('are those of the last definition, also when several come at once', async () => {
    const kinds = ['day', 'week', 'month', 'total'] as const
    await Promise.all(kinds.map((period) => book.define(host, [budget(9, { period })])))
    expect(await limits()).toEqual(['host claude total 9'])
    expect(held()).toEqual(['host total'])
  })

  it('of a run are set provider by provider (L17)', async () => {
    await book.override(run, [budget(5), { ...budget(6), provider: 'codex' }])
    await book.override(run, [budget(50)])
    await book.override(run, [])
    expect(await limits()).toEqual(['run:rev-1 claude total 50', 'run:rev-1 codex total 6'])
  })

  it('are those that an operator set, in place of the files and over restarts, until they are removed (L17)', async () => {
    await book.define(host, [budget(9, { period: 'day' }), budget(90), { ...budget(4), provider: 'codex' }])
    await book.override(host, [budget(3, { period: 'week', always: true })])
    expect(await limits()).toEqual(['host claude week 3', 'host codex total 4'])
    book = newBook()
    await book.define(host, [budget(9, { period: 'day' })])
    expect(held()).toEqual(['host week:2026-W47'])
    expect(await book.list()).toEqual([
      { scope: 'host', budgets: [{ ...budget(3, { period: 'week', always: true }), origin: 'operator' }] },
    ])
    expect(await book.removeOverride(host, 'claude')).toBe(true)
    expect(await book.removeOverride(host, 'claude')).toBe(false)
    expect(held()).toEqual(['host day:2026-11-22'])
    expect(await limits()).toEqual(['host claude day 9'])
  })

  it('are listed, also what was set at scopes that no file was read for', async () => {
    await book.override(web, [budget(3)])
    book = newBook()
    await book.define(host, [budget(9)])
    expect(await book.list()).toEqual([
      { scope: 'host', budgets: [{ ...budget(9), origin: 'file' }] },
      { scope: 'bottle:web', budgets: [{ ...budget(3), origin: 'operator' }] },
    ])
  })
})

describe('a threshold', () => {
  const used = (settledTokens: number, changes = {}) => ({
    ...{ scope: 'host', provider: 'claude', period: 'day:2026-11-22', limitTokens: 100, reservedTokens: 0 },
    ...{ settledTokens, ...changes },
  })
  const reached = (settledTokens: number, changes = {}) => book.reachedThreshold(used(settledTokens, changes), noon)

  it('is told once for a budget, a limit and a period, over restarts; of several the highest (L19)', async () => {
    expect(await reached(49)).toBeUndefined()
    expect(await reached(50)).toBe(50)
    expect(await reached(79)).toBeUndefined()
    expect(await reached(93)).toBe(90)
    book = newBook()
    expect(await reached(94)).toBeUndefined()
    expect(await reached(95)).toBe(95)
    expect(await reached(95, { period: 'day:2026-11-23' })).toBe(95)
    expect(await reached(95, { limitTokens: 110 })).toBe(80)
    expect(await reached(95, { scope: 'bottle:web' })).toBe(95)
    expect(await reached(95)).toBeUndefined()
  })

  it('is not there without a limit', async () => {
    expect(await reached(500, { limitTokens: null })).toBeUndefined()
  })
})
