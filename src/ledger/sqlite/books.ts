/**
 * The ledger's operations on an open database: synchronous, each a step of a transaction that the caller holds.
 * An operation that throws may leave half of its writes; the caller must roll them back.
 */
import type { DatabaseSync } from 'node:sqlite'
import { admit, isSpent } from '../../core/budget/admit.ts'
import { periodOfKey } from '../../core/budget/period.ts'
import { type Counter, type CounterKey, isOfOneRun, isSameCounter } from '../../core/budget/scope.ts'
import { BottleError } from '../../core/errors.ts'
import type { Denial, Ledger, ReserveOutcome, SettleOutcome, SettleRequest } from '../ledger.ts'
import { bottleStatements } from './bottles.ts'
import { chainSumStatements } from './chain-sums.ts'
import { chainStatements } from './chains.ts'
import { correctionStatements, type RecoveredEvent, recoveredEnding } from './corrections.ts'
import { counterStatements } from './counters.ts'
import { enforcementStatements } from './enforcements.ts'
import { estimatorStatements } from './estimators.ts'
import { overrideStatements } from './overrides.ts'
import { type Reservation, reservationStatements } from './reservations.ts'
import { rolledUsageStatements } from './rolled-usage.ts'
import { usageStatements } from './usage-events.ts'
import { counterMismatches } from './verify.ts'

type LedgerOperation = Exclude<keyof Ledger, typeof Symbol.asyncDispose>

/** The ledger's interface without its promises, and what only its other thread asks. */
export type Books = {
  readonly [Name in LedgerOperation]: (...args: Parameters<Ledger[Name]>) => Awaited<ReturnType<Ledger[Name]>>
} & { readonly areEventsFew: () => boolean }

export type Operation = keyof Books

/** Whom a charge goes to, and the holds that it takes the place of. */
type Charged = Pick<Reservation, 'chain' | 'governing' | 'holdTokens'>

export interface BooksOptions {
  readonly db: DatabaseSync
  readonly owner: string
  readonly now: () => number
  /** Holds of counters that hosts share must be within what this host was granted (ledger/journal.ts). */
  readonly isShared: boolean
}

export function createBooks({ db, owner, now, isShared }: BooksOptions): Books {
  const counters = counterStatements(db)
  const overrides = overrideStatements(db)
  const chains = chainStatements(db)
  const reservations = reservationStatements(db, chains)
  const usage = usageStatements(db, { isShared })
  const corrections = correctionStatements(db, { parse: chains.parse, isShared })
  const rolled = rolledUsageStatements(db)
  const sums = chainSumStatements(db)
  const enforcements = enforcementStatements(db)
  const bottles = bottleStatements(db)
  const estimators = estimatorStatements(db)

  function existing(key: CounterKey): Counter {
    const counter = counters.find(key)
    if (counter === undefined) throw new Error(`counter ${nameOf(key)} is missing`)
    return counter
  }

  const needsGrant = (key: CounterKey) => isShared && !isOfOneRun(key)
  const holdIfRoom = (holdTokens: number, key: CounterKey) =>
    needsGrant(key) ? counters.holdIfGranted(holdTokens, key) : counters.holdIfRoom(holdTokens, key)

  /** Takes a hold on every counter or on none; the first without room is the one that denies. */
  function holdAll(keys: readonly CounterKey[], addedTokens: number, ownHoldTokens: number): Denial | undefined {
    for (const [index, key] of keys.entries()) {
      if (holdIfRoom(addedTokens, key)) continue
      if (counters.find(key) === undefined) {
        counters.create(key)
        if (holdIfRoom(addedTokens, key)) continue
      }
      for (const held of keys.slice(0, index)) counters.release(addedTokens, held)
      const counter = existing(key)
      const decision = admit(ownHoldTokens + addedTokens, counter, ownHoldTokens)
      if (decision.kind !== 'admit') return { kind: 'denied', reason: decision.kind, counter }
      // What is not granted here is held by other hosts, or by none yet.
      if (needsGrant(key)) return { kind: 'denied', reason: 'pending', counter }
      throw new Error(`admit() has room in ${nameOf(counter)} where SQL found none`)
    }
    return undefined
  }

  function refuseSpent(keys: readonly CounterKey[]): Denial | undefined {
    for (const key of keys) {
      // From now on it is kept, so that its charges are told.
      if (counters.find(key) === undefined) counters.create(key)
      const counter = existing(key)
      if (isSpent(counter)) return { kind: 'denied', reason: 'exhausted', counter }
      if (needsGrant(key) && !counters.hasGrantLeft(key)) return { kind: 'denied', reason: 'pending', counter }
    }
    return undefined
  }

  /** Charges a counter and gives it back its hold; undefined when it does not exist. */
  function charge(key: CounterKey, { governing, holdTokens }: Charged, chargeTokens: number) {
    const heldTokens = governing.some((held) => isSameCounter(held, key)) ? holdTokens : 0
    return counters.charge(chargeTokens, heldTokens, key) ? counters.findKept(key) : undefined
  }

  /** Charges all counters that are kept for a scope of the reservation's chain. */
  function chargeScope(scope: string, reservation: Charged, chargeTokens: number): readonly Counter[] {
    const { provider, periods } = reservation.chain
    const ofAllTime = { scope, provider, period: 'total' }
    let first = charge(ofAllTime, reservation, chargeTokens)
    if (first === undefined) {
      // Created after this reservation was taken out, so its hold is not in there.
      counters.create(ofAllTime)
      counters.charge(chargeTokens, 0, ofAllTime)
      first = { counter: existing(ofAllTime), keptPeriods: '' }
    }
    if (first.keptPeriods === '') return [first.counter]
    const others = periods
      .filter((period) => first.keptPeriods.includes(periodOfKey(period)))
      .map((period) => charge({ scope, provider, period }, reservation, chargeTokens)?.counter)
    return [first.counter, ...others.filter((counter) => counter !== undefined)]
  }

  function settleOpen(reservation: Reservation, request: SettleRequest): readonly Counter[] {
    const charged = reservation.chain.scopes.flatMap((scope) => chargeScope(scope, reservation, request.chargeTokens))
    usage.append(reservation, request)
    return charged
  }

  function correct({ chain, sequence, chargeTokens }: RecoveredEvent, request: SettleRequest): readonly Counter[] {
    corrections.append(sequence, request)
    const addedTokens = request.chargeTokens - chargeTokens
    return chain.scopes.flatMap((scope) => chargeScope(scope, { chain, governing: [], holdTokens: 0 }, addedTokens))
  }

  function requireIntent(enforcementId: string): void {
    if (enforcements.hasIntent(enforcementId)) return
    throw new BottleError('not_found', `no enforcement has the id "${enforcementId}"`)
  }

  function settle(request: SettleRequest): SettleOutcome {
    const { attemptId } = request
    const reservation = reservations.take(attemptId)
    if (reservation !== undefined) return { kind: 'settled', counters: settleOpen(reservation, request) }
    const recovered = corrections.findRecovered(attemptId)
    if (recovered !== undefined && saysMore(request, recovered))
      return { kind: 'corrected', counters: correct(recovered, request) }
    if (usage.isSettled(attemptId) || rolled.isRolled(attemptId)) return { kind: 'already_settled' }
    throw new Error(`attempt "${request.attemptId}" was never reserved`)
  }

  return {
    setLimit: (budget, limitTokens) => counters.setLimit(limitTokens, budget),

    limits: ({ scope } = {}) => counters.limits(scope),

    setOverride: (override) => overrides.set(override),
    removeOverride: (key) => overrides.remove(key),
    overrides: ({ scope } = {}) => overrides.list(scope),

    reserve(request): ReserveOutcome {
      const governing = distinct(request.governing)
      const denial = request.holdsRoom ? holdAll(governing, request.holdTokens, 0) : refuseSpent(governing)
      if (denial !== undefined) return denial
      const held = request.holdsRoom ? governing : []
      const { provider, chain: scopes, nowMs: atMs } = request
      const isNew = reservations.insert(request, owner, held, chains.idOf({ provider, scopes, atMs }))
      if (!isNew) throw new Error(`attempt "${request.attemptId}" was settled before`)
      return { kind: 'reserved' }
    },

    extend(attemptId, holdTokens) {
      const reservation = reservations.find(attemptId)
      if (reservation === undefined) return { kind: 'gone' }
      const wholeHoldTokens = Math.max(holdTokens, reservation.holdTokens)
      const addedTokens = wholeHoldTokens - reservation.holdTokens
      const denial = holdAll(reservation.governing, addedTokens, reservation.holdTokens)
      if (denial !== undefined) return denial
      reservations.setHold(attemptId, wholeHoldTokens, now())
      return { kind: 'extended' }
    },

    settle,

    recover: (nowMs) =>
      reservations.heldByOthers(owner).map(({ attemptId, holdTokens: chargeTokens }) => {
        const reservation = reservations.take(attemptId)
        if (reservation === undefined) throw new Error(`attempt "${attemptId}" vanished during its recovery`)
        const ending = recoveredEnding
        settleOpen(reservation, { attemptId, usage: {}, chargeTokens, source: 'estimated', model: null, ending, nowMs })
        return { attemptId, bottleId: reservation.bottleId, provider: reservation.provider, chargeTokens }
      }),

    counter: (key) => counters.find(key) ?? counters.derive(key),
    counters: ({ scope, provider } = {}) => counters.list(scope, provider),
    events: ({ bottleId, limit }) => usage.newest(bottleId, limit),
    usage: (query) => usage.report(query),
    areEventsFew: sums.areEventsFew,
    verify: (depth) =>
      counterMismatches(counters.list(), depth === 'quick' ? sums.ofHours() : sums.ofEvents(), chains.all()),
    rollUp: ({ settledBeforeMs, maxEvents }) => rolled.rollUp(settledBeforeMs, maxEvents),
    recordWarning: (warning) => counters.insertWarning(warning),

    beginEnforcement(intent) {
      const open = enforcements.openOfBottle(intent.bottleId)
      if (open !== undefined) return { kind: 'open', enforcementId: open.enforcementId }
      enforcements.insertIntent(intent)
      return { kind: 'begun' }
    },

    recordStep(step) {
      requireIntent(step.enforcementId)
      enforcements.insertStep(step)
    },

    endEnforcement(outcome) {
      requireIntent(outcome.enforcementId)
      enforcements.insertOutcome(outcome)
    },

    recordLimit: (note) => enforcements.insertLimit(note),
    openEnforcements: () => enforcements.open(),
    audit: ({ bottleId, limit }) => enforcements.newest(bottleId, limit),

    insertBottle(row) {
      if (!bottles.insert(row)) throw new BottleError('conflict', `a bottle with the id "${row.id}" exists already`)
    },

    updateBottle(id, change) {
      if (!bottles.update(id, change)) throw new BottleError('not_found', `no bottle has the id "${id}"`)
    },

    bottle: (id) => bottles.find(id),
    bottles: (filter) => bottles.newest(filter),

    saveEstimators: (rows, maxRows) => estimators.save(rows, maxRows),
    estimators: () => estimators.list(),
  }
}

/** An end that nobody saw either, at the same charge, is no correction. */
function saysMore({ usage, chargeTokens }: SettleRequest, recovered: RecoveredEvent): boolean {
  return chargeTokens !== recovered.chargeTokens || Object.values(usage).some((tokens) => tokens !== undefined)
}

/** Diamonds in `extends` may name a scope twice; it is held once. */
function distinct(keys: readonly CounterKey[]): readonly CounterKey[] {
  return keys.length < 2 ? keys : [...new Map(keys.map((key) => [nameOf(key), key])).values()]
}

function nameOf({ scope, provider, period }: CounterKey): string {
  return `${scope}\0${provider}\0${period}`
}
