/**
 * The default ledger: one SQLite file, written by one worker thread with group commit. Several processes may open the
 * same file, each under its own owner.
 *
 * `usage({ sinceMs })` rounds down to the full hour (UTC). `events()` returns the newest ones, oldest of them first.
 * A token count that is not a non-negative safe integer is a bug of the caller and rejects before anything is written.
 */
import { periodKeysOf } from '../../core/budget/chain.ts'
import type { BottleError } from '../../core/errors.ts'
import type { JournalLedger } from '../journal.ts'
import type { Ledger, ReserveRequest } from '../ledger.ts'
import type { Books, Operation } from './books.ts'
import type { JournalBooks } from './journal-books.ts'
import { LateSettlements } from './late-settlements.ts'
import { unusable } from './sqlite-errors.ts'
import { verifyInThread } from './verify-in-thread.ts'
import { startLedgerWorker } from './worker-client.ts'

const defaultBusyTimeoutMs = 10_000

export interface SqliteLedgerOptions {
  /** Created with mode 0600 when there is no file; its directory must exist. */
  readonly path: string
  /** Unique for a running controller; reservations of other owners are charged by `recover`. */
  readonly owner: string
  /** How long a write waits for other processes before it fails. */
  readonly busyTimeoutMs?: number
  /** Ceiling of unanswered calls, beyond which calls reject. */
  readonly maxCallsInFlight?: number
}

/** Rejects with `ledger_unusable` when the file is foreign, damaged, locked, newer than this program, or out of reach. */
export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<Ledger> {
  return openBooks({ ...options, isShared: false })
}

/** The same as one host's part of a ledger that many share: what they share is held within grants. */
export async function openSqliteJournal(options: SqliteLedgerOptions): Promise<JournalLedger> {
  return openBooks({ ...options, isShared: true })
}

async function openBooks(options: SqliteLedgerOptions & { readonly isShared: boolean }): Promise<JournalLedger> {
  const worker = await startLedgerWorker({ busyTimeoutMs: defaultBusyTimeoutMs, ...options })
  const call = <Name extends Operation | keyof JournalBooks>(
    name: Name,
    ...args: Parameters<(Books & JournalBooks)[Name]>
  ) => worker.call(name, args) as Promise<ReturnType<(Books & JournalBooks)[Name]>>
  const late = new LateSettlements((request) => call('settle', request))
  const closing = new AbortController()
  /** Once counters were found not to be the sums of their events. */
  let distrust: BottleError | undefined

  return {
    async setLimit(budget, limitTokens) {
      if (limitTokens !== null) requireTokens({ limitTokens })
      return call('setLimit', budget, limitTokens)
    },
    limits: (filter = {}) => call('limits', filter),
    async setOverride(override) {
      requireTokens({ limitTokens: override.limitTokens })
      return call('setOverride', override)
    },
    removeOverride: (key) => call('removeOverride', key),
    overrides: (filter = {}) => call('overrides', filter),
    async reserve(request) {
      requireTokens({ holdTokens: request.holdTokens, inputTokens: request.inputTokens })
      requireInChain(request)
      if (distrust !== undefined) throw distrust
      void late.retry()
      return call('reserve', request)
    },
    async extend(attemptId, holdTokens) {
      requireTokens({ holdTokens })
      return call('extend', attemptId, holdTokens)
    },
    async settle(request) {
      requireTokens({ chargeTokens: request.chargeTokens, ...request.usage })
      return late.settle(request)
    },
    recover: (nowMs) => call('recover', nowMs),
    counter: (key) => call('counter', key),
    counters: (filter = {}) => call('counters', filter),
    events: (filter) => call('events', filter),
    usage: (query) => call('usage', query),
    async verify(depth = 'full') {
      const areFew = await call('areEventsFew')
      const isBeside = depth === 'full' && !areFew
      const mismatches = isBeside
        ? await verifyInThread(options.path, closing.signal)
        : await call('verify', areFew ? 'full' : 'quick')
      if (mismatches.length > 0) distrust = unbalanced(options.path)
      return mismatches
    },
    rollUp: (request) => call('rollUp', request),
    recordWarning: (warning) => call('recordWarning', warning),
    beginEnforcement: (intent) => call('beginEnforcement', intent),
    recordStep: (step) => call('recordStep', step),
    endEnforcement: (outcome) => call('endEnforcement', outcome),
    recordLimit: (note) => call('recordLimit', note),
    openEnforcements: () => call('openEnforcements'),
    audit: (filter) => call('audit', filter),
    insertBottle: (row) => call('insertBottle', row),
    updateBottle: (id, change) => call('updateBottle', id, change),
    bottle: (id) => call('bottle', id),
    bottles: (filter) => call('bottles', filter),
    saveEstimators: (rows, maxRows) => call('saveEstimators', rows, maxRows),
    estimators: () => call('estimators'),
    identify: (newId) => call('identify', newId),
    grant: (key) => call('grant', key),
    setGrant: (key, grantedTokens) => call('setGrant', key, grantedTokens),
    lowerGrants: (of) => call('lowerGrants', of),
    holdOf: (attemptId) => call('holdOf', attemptId),
    untoldHours: (limit) => call('untoldHours', limit),
    untell: () => call('untell'),
    markTold: (hours) => call('markTold', hours),
    async [Symbol.asyncDispose]() {
      closing.abort()
      await Promise.all([late.end(), worker[Symbol.asyncDispose]()])
    },
  }
}

function unbalanced(path: string): BottleError {
  return unusable(
    `the ledger "${path}" does not add up: counters are not the sums of their events`,
    'See what is wrong with "bot-bottle ledger verify", then stop the controller and mend it with "bot-bottle ledger rebuild".',
  )
}

function requireTokens(counts: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new RangeError(`Expected ${name} to be a non-negative safe integer, got ${String(value)}`)
    }
  }
}

function requireInChain({ governing, provider, chain, nowMs }: ReserveRequest): void {
  if (governing.length === 0) return
  const periods = periodKeysOf(chain, nowMs)
  const stray = governing.find(
    (key) => key.provider !== provider || !chain.includes(key.scope) || !periods.includes(key.period),
  )
  if (stray === undefined) return
  throw new Error(`Expected the charge to count in the governing counter ${stray.scope} of ${stray.period}`)
}
