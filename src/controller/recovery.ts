/** What a controller that died left behind: its holds are charged, its bottles ended, its cuts closed. */
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

/** Empty while a bottle is starting: nothing of it ran yet. */
function referenceOf({ reference }: BottleRow): SandboxReference | undefined {
  return reference === '' ? undefined : (JSON.parse(reference) as SandboxReference)
}
