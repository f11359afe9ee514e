/**
 * What a controller that died left behind: its holds are charged, its bottles ended, its cuts closed. And what must be true
 * before a budget is trusted: counters equal events (I6).
 */
import { BottleError } from '../core/errors.ts'
import type { Enforcer } from '../enforce/enforcer.ts'
import type { BottleRow, Ledger } from '../ledger/ledger.ts'
import type { SandboxBackend, SandboxReference } from '../sandbox/sandbox.ts'

export interface RecoveryOptions {
  readonly ledger: Ledger
  readonly enforcer: Enforcer
  backendOf(row: BottleRow, reference: SandboxReference): SandboxBackend
  readonly nowMs: () => number
}

export interface Recovered {
  readonly chargedExchanges: number
  readonly chargedTokens: number
  readonly sweptBottles: readonly string[]
}

export async function recover({ ledger, enforcer, backendOf, nowMs }: RecoveryOptions): Promise<Recovered> {
  const rows = await ledger.bottles({ living: true })
  for (const row of rows) {
    const reference = referenceOf(row)
    if (reference) await backendOf(row, reference).sweep(reference)
    // Its directory stays: it may hold the only copy of the agent's work.
    await ledger.updateBottle(row.id, { state: 'failed', endedAtMs: nowMs() })
  }
  // After the sweep, so that nothing of theirs can still be on its way.
  const charges = await ledger.recover(nowMs())
  await enforcer.finishInterrupted(async () => 'the controller ended before; the bottle was ended at its next start')
  return {
    chargedExchanges: charges.length,
    chargedTokens: charges.reduce((sum, { chargeTokens }) => sum + chargeTokens, 0),
    sweptBottles: rows.map(({ id }) => id),
  }
}

/** Throws BottleError `ledger_unusable` for a ledger whose counters are not the sums of its events: somebody changed it. */
export async function refuseUnbalanced(ledger: Ledger, databasePath: string): Promise<void> {
  const [first, ...others] = await ledger.verify()
  if (!first) return
  const { scope, provider, settledTokens, eventTokens } = first
  const also = others.length > 0 ? ` (and ${others.length} more)` : ''
  const message = `the ledger does not add up: counter ${scope} of ${provider} says ${settledTokens} tokens, its events say ${eventTokens}${also}`
  throw new BottleError('ledger_unusable', message, {
    hint: `It was changed from outside. Restore a copy of ${databasePath}, or move it away to begin a new one.`,
  })
}

/** Empty while a bottle is starting: nothing of it ran yet. */
function referenceOf({ reference }: BottleRow): SandboxReference | undefined {
  return reference === '' ? undefined : (JSON.parse(reference) as SandboxReference)
}
