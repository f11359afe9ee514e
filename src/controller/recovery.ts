/**
 * What a controller that died left behind: its holds are charged, its cuts finished, its bottles taken up, and what cannot be taken up
 * is ended. And what must be true before a budget is trusted: counters equal events (I6).
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BottleError } from '../core/errors.ts'
import type { Enforcer } from '../enforce/enforcer.ts'
import type { BottleRow, CounterMismatch, Ledger, RecoveredCharge } from '../ledger/ledger.ts'
import type { SandboxReference } from '../sandbox/sandbox.ts'
import type { PreparedAdoption } from './adopt-bottle.ts'
import { instanceDirectory, removeDirectory, removeRemains } from './instance-directory.ts'
import { type LeftBottleOptions, leftBottle, referenceOf } from './left-bottle.ts'
import type { LiveBottle } from './live-bottle.ts'

export interface RecoveryOptions extends LeftBottleOptions {
  /** For exchanges that nobody saw end. */
  readonly charges: readonly RecoveredCharge[]
  readonly enforcer: Enforcer
  prepareAdoption(row: BottleRow, reference: SandboxReference): Promise<PreparedAdoption>
  /** Told at once of each bottle that was taken up: its exchanges may begin. */
  takeIn(bottle: LiveBottle): void
  /** What could not be ended, which must keep nobody from the others. It is tried again at the next start. */
  onFailure(error: unknown): void
}

export interface Recovered {
  readonly chargedExchanges: number
  readonly chargedTokens: number
  readonly adopted: readonly LiveBottle[]
  readonly sweptBottles: readonly string[]
}

interface Prepared {
  readonly row: BottleRow
  /** undefined for one that was only starting. */
  readonly adoption: PreparedAdoption | undefined
}

/** Each takes a process of its own for a moment. */
const maxAdoptionsAtOnce = 4

export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { ledger, charges } = options
  await finishEnforcements(options)
  // Oldest first: what files said of a shared budget at the latest start is what holds.
  const rows = (await ledger.bottles({ living: true })).toReversed()
  const prepared: Prepared[] = []
  for (const row of rows) {
    const reference = referenceOf(row)
    prepared.push({ row, adoption: reference && (await options.prepareAdoption(row, reference)) })
  }
  const found = await inTurns(prepared, maxAdoptionsAtOnce, (one) =>
    takeUp(one, options).catch((error: unknown) => void options.onFailure(error)),
  )
  await removeLeftovers(options)
  return {
    chargedExchanges: charges.length,
    chargedTokens: charges.reduce((sum, { chargeTokens }) => sum + chargeTokens, 0),
    adopted: found.filter((bottle) => bottle !== undefined),
    sweptBottles: rows.filter((_, index) => found[index] === undefined).map(({ id }) => id),
  }
}

/** Before anything of a bottle is opened again: what an earlier controller began to do to it is done (I8). */
async function finishEnforcements({ enforcer, ...options }: RecoveryOptions): Promise<void> {
  for (const open of await options.ledger.openEnforcements()) {
    const row = await options.ledger.bottle(open.bottleId)
    if (row) await enforcer.finish(open, leftBottle(row, options)).catch(options.onFailure)
  }
}

/** undefined for a bottle that was ended instead. What an agent worked on stays. */
async function takeUp({ row, adoption }: Prepared, options: RecoveryOptions): Promise<LiveBottle | undefined> {
  const left = leftBottle(row, options)
  const outcome = adoption ? await adoption.open() : ({ kind: 'gone' } as const)
  switch (outcome.kind) {
    case 'adopted':
      options.takeIn(outcome.bottle)
      return outcome.bottle
    case 'gone':
      if (adoption || !(await left.refreeze())) await left.end('failed')
      return undefined
    case 'unreadable': {
      const reason = `this controller cannot take it up: ${outcome.because}`
      const cut = { policy: 'kill', trigger: 'recovery', reason, message: '' } as const
      await options.enforcer.cut({ ...left, kill: () => left.end('failed') }, cut)
      return undefined
    }
  }
}

/** Directories of ended bottles in which nothing is kept for the user. One that no bottle of this ledger has is not ours. */
async function removeLeftovers({ ledger, instancesPath }: RecoveryOptions): Promise<void> {
  await removeRemains(instancesPath)
  for (const id of await readdir(instancesPath)) {
    const row = await ledger.bottle(id)
    if (!row || row.endedAtMs === null) continue
    const directory = instanceDirectory(instancesPath, id)
    // Killed, or ended before its program could run.
    if (row.state === 'killed' || row.reference === '') await removeDirectory(join(instancesPath, id))
    else await directory.keepForUser(await directory.readPlan().catch(() => ({ keepsWorkspace: true })))
  }
}

/** The results in the order of the items. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const waiting = [...items.entries()]
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return results
}

/**
 * Throws BottleError `ledger_unusable` for a ledger whose counters are not the sums of its events: somebody changed it. Where
 * events are many their sums by the hour are believed, until `ledger/keeping.ts` has read them all.
 */
export async function refuseUnbalanced(ledger: Ledger, databasePath: string): Promise<void> {
  const mismatches = await ledger.verify('quick')
  if (mismatches.length === 0) return
  throw new BottleError('ledger_unusable', unbalancedInWords(mismatches), {
    hint: `It was changed from outside. "bot-bottle ledger verify" tells all of it, and "bot-bottle ledger rebuild" makes the counters anew from the events in ${databasePath}.`,
  })
}

export function unbalancedInWords(mismatches: readonly CounterMismatch[]): string {
  const [first, ...others] = mismatches
  if (first === undefined) return 'the ledger adds up'
  const { scope, provider, settledTokens, eventTokens } = first
  const also = others.length > 0 ? ` (and ${others.length} more)` : ''
  return `the ledger does not add up: counter ${scope} of ${provider} says ${settledTokens} tokens, its events say ${eventTokens}${also}`
}
