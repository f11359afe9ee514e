/**
 * What a controller that died left behind: its holds are charged, its cuts finished, its bottles ended. And what must be true
 * before a budget is trusted: counters equal events (I6).
 */
import { BottleError } from '../core/errors.ts'
import type { Enforcer } from '../enforce/enforcer.ts'
import type { CounterMismatch, Ledger } from '../ledger/ledger.ts'
import { type LeftBottleOptions, leftBottle } from './left-bottle.ts'

export interface RecoveryOptions extends LeftBottleOptions {
  readonly enforcer: Enforcer
}

export interface Recovered {
  readonly chargedExchanges: number
  readonly chargedTokens: number
  readonly sweptBottles: readonly string[]
}

export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { ledger, nowMs } = options
  const charges = await ledger.recover(nowMs())
  await finishEnforcements(options)
  const rows = await ledger.bottles({ living: true })
  // Their directories stay: they may hold the only copy of an agent's work.
  for (const row of rows) await leftBottle(row, options).end('failed')
  return {
    chargedExchanges: charges.length,
    chargedTokens: charges.reduce((sum, { chargeTokens }) => sum + chargeTokens, 0),
    sweptBottles: rows.map(({ id }) => id),
  }
}

/** Before anything of a bottle is opened again: what an earlier controller began to do to it is done (I8). */
async function finishEnforcements({ enforcer, ...options }: RecoveryOptions): Promise<void> {
  for (const open of await options.ledger.openEnforcements()) {
    const row = await options.ledger.bottle(open.bottleId)
    if (row) await enforcer.finish(open, leftBottle(row, options))
  }
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
