/**
 * A ledger of many hosts: budgets, their counters and usage are those of all hosts that use one PostgreSQL database.
 *
 * What each exchange needs is answered by the host's own SQLite file, within what the host was granted (`grants.ts`); charges
 * are durable there, and told to the database in the background as sums (`telling.ts`). Bottles, the audit, events, warnings
 * and what was learned are the host's own, and so are counters of one run. Limits are what this host's files and operators say:
 * each host keeps to its own, of what all have spent.
 *
 * Cut off from the database, a host spends its grants and then refuses (I9); counters show what was heard of others last.
 * One process at a time may use a file: two would raise and lower the same grants.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Counter, isOfOneRun } from '../../core/budget/scope.ts'
import { BottleError } from '../../core/errors.ts'
import type { JournalLedger } from '../journal.ts'
import type { Ledger, Override } from '../ledger.ts'
import { openSqliteJournal, type SqliteLedgerOptions } from '../sqlite/sqlite-ledger.ts'
import { type Database, openDatabase } from './database.ts'
import { createGrants } from './grants.ts'
import { type Message, startListening } from './listening.ts'
import { migrate } from './migrations.ts'
import { createOthers } from './others.ts'
import { createOwnSums } from './own-sums.ts'
import { sharedLedgerErrorOf, unusable } from './postgres-errors.ts'
import { createShares, type HostRow, type Shares } from './shares.ts'
import { createTelling } from './telling.ts'
import { usageReport } from './usage-report.ts'

/** Grants that nobody used for so long go back. */
const idleMs = 30_000
/** What others told is asked for once for all that is told within this time. */
const refreshDelayMs = 20

/**
 * - `counters`: others spent or gave back, so that a budget may be spent or have room
 * - `budgets`: operators set or removed one on another host
 * - `lost`, `found`: whether the database answers
 */
export type SharedChange =
  | { readonly kind: 'counters' | 'budgets' | 'found' }
  | { readonly kind: 'lost'; readonly error: unknown }

export interface PostgresLedgerOptions extends SqliteLedgerOptions {
  readonly url: string
  readonly onChange?: (change: SharedChange) => void
}

export interface PostgresLedger extends Ledger {
  readonly hostId: string
  hosts(): Promise<readonly HostRow[]>
  /** Frees what a host was granted and did not tell as spent. For one that never comes back. */
  forgetHost(hostId: string): Promise<void>
}

/** Rejects with `ledger_unusable` when the host's file or the database cannot serve. */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<PostgresLedger> {
  const { url, onChange = () => {}, ...ofFile } = options
  await using stack = new AsyncDisposableStack()
  const journal = stack.use(await openSqliteJournal(ofFile))
  const database = stack.use(await openDatabase(url))
  await migrate(database)
  const hostId = await journal.identify(randomUUID())
  const shares = createShares(database, hostId)
  await shares.join(hostname())
  await shareOverrides(journal, shares)
  const others = createOthers(shares)
  const grants = createGrants({ journal, shares, others })
  const telling = createTelling(journal, shares)
  const sums = createOwnSums({ journal, shares, telling })

  let refreshTimer: NodeJS.Timeout | undefined
  const refreshSoon = () => {
    refreshTimer ??= setTimeout(() => {
      refreshTimer = undefined
      refresh().catch(() => {})
    }, refreshDelayMs).unref()
  }
  const refresh = async () => {
    if (await others.refresh()) onChange({ kind: 'counters' })
  }
  const hear = (message: Message) => {
    if (message.host === hostId) return
    // Where the database is lost meanwhile, all is given back and asked anew once it is found.
    if (message.kind === 'wanted') grants.release(message.counter).catch(() => {})
    else if (message.kind === 'budgets') onChange({ kind: 'budgets' })
    else {
      refreshSoon()
      if (message.kind === 'room') onChange({ kind: 'counters' })
    }
  }
  let isLost = false
  /** Until counters were found not to be the sums of what they are the sums of. */
  let isTrusted = true
  const listening = await startListening({
    database,
    onMessage: hear,
    async onFound() {
      await shares.join(hostname())
      await sums.tell()
      await grants.releaseAll()
      await refresh()
      if (isLost) for (const kind of ['found', 'budgets', 'counters'] as const) onChange({ kind })
      isLost = false
    },
    onLost(error) {
      if (!isLost) onChange({ kind: 'lost', error: sharedLedgerErrorOf(error, database.name) })
      isLost = true
    },
    async onBeat() {
      await shares.seen()
      await telling.tellAll()
      await refresh()
      await grants.releaseIdle(idleMs)
    },
  })
  stack.move()

  const isLocal = (scope: string | undefined) => scope !== undefined && isOfOneRun({ scope, provider: '', period: '' })
  const settledOfAll = (counters: readonly Counter[]) => counters.map((counter) => others.withLastHeard(counter))

  const ledger: Ledger = {
    ...journal,
    setLimit: (budget, limitTokens) =>
      isOfOneRun(budget) ? journal.setLimit(budget, limitTokens) : grants.setLimit(budget, limitTokens),
    setOverride: (override) =>
      isLocal(override.scope) ? journal.setOverride(override) : shares.setOverride(checked(override)),
    removeOverride: (key) => (isLocal(key.scope) ? journal.removeOverride(key) : shares.removeOverride(key)),
    async overrides({ scope } = {}) {
      const own = scope === undefined || isLocal(scope) ? await journal.overrides({ ...(scope && { scope }) }) : []
      return isLocal(scope) ? own : [...(await shares.overrides(scope)), ...own].toSorted(byKey)
    },
    async reserve(request) {
      if (isTrusted) return grants.reserve(request)
      throw unusable(
        `the shared ledger ${database.name} does not add up with this host's own`,
        'Stop the controller; its next start says what is wrong.',
      )
    },
    extend: (attemptId, holdTokens) => grants.extend(attemptId, holdTokens),
    async settle(request) {
      const outcome = await journal.settle(request)
      if (outcome.kind === 'already_settled') return outcome
      telling.soon()
      return { ...outcome, counters: settledOfAll(outcome.counters) }
    },
    async recover(nowMs) {
      const recovered = await journal.recover(nowMs)
      telling.soon()
      return recovered
    },
    async counter(key) {
      const own = await journal.counter(key)
      const [counter = own] = await others.withAsked([own]).catch((error: unknown) => {
        if (error instanceof BottleError) return settledOfAll([own])
        throw error
      })
      return counter
    },
    async counters(filter = {}) {
      const kept = await others.withAsked(await journal.counters(filter))
      const names = new Set(kept.map(nameOf))
      const totals = isLocal(filter.scope) ? [] : await shares.totalsOfOthers(filter)
      return [...kept, ...totals.filter((counter) => !names.has(nameOf(counter)))].toSorted(byKey)
    },
    async usage(query) {
      await telling.tellAll()
      return usageReport(database, query)
    },
    async verify(...depth) {
      const mismatches = [...(await journal.verify(...depth)), ...(await sums.differing())]
      if (mismatches.length > 0) isTrusted = false
      return mismatches
    },
  }

  /** Calls that are answered before the ledger is closed. */
  const open = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined
  const close = async () => {
    await Promise.allSettled(open)
    clearTimeout(refreshTimer)
    telling.stop()
    await listening[Symbol.asyncDispose]()
    // Without the database, what is not told now is told when this host starts again.
    await telling
      .tellAll()
      .then(grants.releaseAll)
      .catch(() => {})
    await closeBoth(database, journal)
  }
  return Object.assign(
    whileOpen({ ...ledger, hosts: shares.hosts, forgetHost: shares.forgetHost }, (call) => {
      if (closing) return Promise.reject(unusable(`the shared ledger ${database.name} is closed`, 'Open it again.'))
      const answer = call()
      open.add(answer)
      return answer.finally(() => open.delete(answer))
    }),
    {
      hostId,
      [Symbol.asyncDispose]() {
        closing ??= close()
        return closing
      },
    },
  )
}

/** The same functions, each through a gate. */
function whileOpen<Calls extends object>(
  calls: Calls,
  gate: (call: () => Promise<unknown>) => Promise<unknown>,
): Calls {
  const gated = Object.entries(calls).map(([name, call]) => [
    name,
    (...args: readonly unknown[]) => gate(async () => (call as (...args: readonly unknown[]) => unknown)(...args)),
  ])
  return Object.fromEntries(gated) as Calls
}

async function closeBoth(database: Database, journal: JournalLedger): Promise<void> {
  try {
    await database[Symbol.asyncDispose]()
  } finally {
    await journal[Symbol.asyncDispose]()
  }
}

/** What operators set before this host shared its budgets holds for all, unless something else is set there. */
async function shareOverrides(journal: JournalLedger, shares: Shares): Promise<void> {
  for (const override of await journal.overrides()) {
    if (isOfOneRun(override)) continue
    await shares.addOverride(override)
    await journal.removeOverride(override)
  }
}

function checked(override: Override): Override {
  if (Number.isSafeInteger(override.limitTokens) && override.limitTokens >= 0) return override
  throw new RangeError(`Expected limitTokens to be a non-negative safe integer, got ${override.limitTokens}`)
}

function nameOf({ scope, provider, period = '' }: { scope: string; provider: string; period?: string }): string {
  return `${scope}\n${provider}\n${period}`
}

/** By code units, as SQLite and the database do. */
function byKey(one: Counter | Override, other: Counter | Override): number {
  return nameOf(one) < nameOf(other) ? -1 : 1
}
