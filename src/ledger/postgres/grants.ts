/**
 * How this host spends budgets that it shares: within its grants, which it asks for when its own books have no room, and gives
 * back when others want them or nobody here uses them.
 *
 * **Invariant** The mark of a counter in the database is never below the mark in the host's own books: it is raised there
 * first and lowered there last. A crash in between leaves tokens charged to this host until it speaks of the counter again;
 * a word that arrives after a later one is not heard.
 */
import { admit } from '../../core/budget/admit.ts'
import { type BudgetKey, type Counter, type CounterKey, isOfOneRun, isSameCounter } from '../../core/budget/scope.ts'
import type { JournalLedger } from '../journal.ts'
import type { Denial, ExtendOutcome, ReserveOutcome, ReserveRequest } from '../ledger.ts'
import { type Others, sumOf } from './others.ts'
import type { Shares } from './shares.ts'
import { createTurns } from './turns.ts'

/** Others of this host may take what was granted before the asker comes to hold it; then the asker asks again. */
const maxRounds = 64
/** Others are asked to give back this often at most, for each counter. */
const minWantMs = 50

export interface GrantsOptions {
  readonly journal: JournalLedger
  readonly shares: Shares
  readonly others: Others
}

interface Need {
  readonly ownTokens: number
  readonly addedTokens: number
}

export type Grants = ReturnType<typeof createGrants>

export function createGrants({ journal, shares, others }: GrantsOptions) {
  const inTurn = createTurns()
  /** When somebody here last asked for room, by the counter. */
  const active = new Map<string, { readonly key: CounterKey; readonly atMs: number }>()
  const wantedAtMs = new Map<string, number>()

  const turnOf = <Result>({ scope, provider }: Pick<BudgetKey, 'scope' | 'provider'>, work: () => Promise<Result>) =>
    inTurn(`${scope}\n${provider}`, work)

  /** Sees to it that there is room in a counter, or says why there is none. */
  const makeRoom = (key: CounterKey, { ownTokens, addedTokens }: Need): Promise<Denial | undefined> =>
    turnOf(key, async () => {
      const { limitTokens, grantedTokens, ...own } = await journal.grant(key)
      const usedTokens = own.settledTokens + own.reservedTokens
      const wantedTokens = usedTokens + addedTokens
      const isWithinLimit = limitTokens === null || wantedTokens <= limitTokens
      if (isWithinLimit && grantedTokens !== null && wantedTokens <= grantedTokens) return undefined
      const markTokens = Math.max(usedTokens, grantedTokens ?? 0)
      const needTokens = Math.max(0, wantedTokens - markTokens)
      const answer = await shares.topUp({ ...key, usedTokens: markTokens, needTokens, limitTokens })
      others.remember(key, answer.others)
      if (answer.grantedTokens !== grantedTokens) await journal.setGrant(key, answer.grantedTokens)
      if (isWithinLimit && wantedTokens <= answer.grantedTokens) return undefined
      const counter = sumOf({ ...own, limitTokens }, answer.others)
      const decision = admit(ownTokens + addedTokens, counter, ownTokens)
      if (decision.kind === 'admit') throw new Error(`admit() has room in ${key.scope} where the database found none`)
      if (decision.kind === 'pending' && answer.others.heldTokens > 0) want(key)
      return { kind: 'denied', reason: decision.kind, counter }
    })

  const want = ({ scope, provider, period }: CounterKey) => {
    const name = nameOf({ scope, provider, period })
    const nowMs = performance.now()
    if (nowMs - (wantedAtMs.get(name) ?? -minWantMs) < minWantMs) return
    if (wantedAtMs.size >= maxRounds) wantedAtMs.clear()
    wantedAtMs.set(name, nowMs)
    // Nobody is asked when the database is away; then nobody could be granted anything either.
    shares.want({ scope, provider, period }).catch(() => {})
  }

  const giveBack = async (key: CounterKey) => {
    const { grantedTokens, settledTokens, reservedTokens } = await journal.grant(key)
    await shares.giveBack({ ...key, grantedTokens: Math.max(grantedTokens ?? 0, settledTokens + reservedTokens) })
  }

  /** Gives back what is not used of a counter. */
  const release = (key: CounterKey) =>
    turnOf(key, async () => {
      const [open] = await journal.lowerGrants(key)
      if (open) await giveBack(key)
    })

  return {
    async reserve(request: ReserveRequest): Promise<ReserveOutcome> {
      let { governing } = request
      const atMs = performance.now()
      for (const key of governing) if (!isOfOneRun(key)) active.set(nameOf(key), { key, atMs })
      for (let round = 1; ; round++) {
        const outcome = await journal.reserve({ ...request, governing })
        if (outcome.kind === 'reserved' || isOfOneRun(outcome.counter)) return outcome
        const { counter } = outcome
        const addedTokens = request.holdsRoom ? request.holdTokens : 1
        const denial = await makeRoom(keyOf(counter), { ownTokens: 0, addedTokens })
        if (denial === undefined && round < maxRounds) continue
        if (request.holdsRoom || denial?.reason === 'exhausted') return denial ?? outcome
        // Nothing is to be held, and it is not spent: that others hold it does not matter.
        governing = governing.filter((key) => !isSameCounter(key, counter))
      }
    },

    async extend(attemptId: string, holdTokens: number): Promise<ExtendOutcome> {
      for (let round = 1; ; round++) {
        const outcome = await journal.extend(attemptId, holdTokens)
        if (outcome.kind !== 'denied' || isOfOneRun(outcome.counter)) return outcome
        const ownTokens = await journal.holdOf(attemptId)
        if (ownTokens === undefined) return { kind: 'gone' }
        const addedTokens = Math.max(0, holdTokens - ownTokens)
        const denial = await makeRoom(keyOf(outcome.counter), { ownTokens, addedTokens })
        if (denial !== undefined || round >= maxRounds) return denial ?? outcome
      }
    },

    /** A new limit holds for what was granted under the old one, too: what is not used must be asked for again. */
    setLimit: (budget: BudgetKey, limitTokens: number | null) =>
      turnOf(budget, async () => {
        await journal.setLimit(budget, limitTokens)
        const lowered = await journal.lowerGrants(budget)
        // Where the database is away it hears of it when it is back.
        for (const state of lowered) await giveBack(keyOf(state)).catch(() => {})
      }),

    release,

    async releaseIdle(idleMs: number) {
      for (const [name, { key, atMs }] of [...active]) {
        if (performance.now() - atMs < idleMs) continue
        active.delete(name)
        await release(key)
      }
    },

    /** Gives back what is not used of anything, and tells the database the marks that are left. */
    async releaseAll() {
      const here = await journal.lowerGrants(null)
      const there = await shares.openGrants()
      const keys = new Map([...here, ...there].map((key) => [nameOf(key), keyOf(key)]))
      for (const key of keys.values()) await turnOf(key, () => giveBack(key))
    },
  }
}

function keyOf({ scope, provider, period }: CounterKey | Counter): CounterKey {
  return { scope, provider, period }
}

function nameOf({ scope, provider, period }: CounterKey): string {
  return `${scope}\n${provider}\n${period}`
}
