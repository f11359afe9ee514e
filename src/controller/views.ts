/** What clients see of the controller's state. */
import { scopeKey } from '../core/budget/scope.ts'
import type { BottleRow, Ledger } from '../ledger/ledger.ts'
import type { BottleView } from './api.ts'
import type { LiveBottle } from './live-bottle.ts'

export interface ViewOptions {
  readonly ledger: Ledger
  readonly live: LiveBottle | undefined
  readonly nowMs: number
}

export async function viewOf(row: BottleRow, { ledger, live, nowMs }: ViewOptions): Promise<BottleView> {
  const { id, agent, definitions, policy, contained, createdAtMs, endedAtMs, exitCode } = row
  const own = await ledger.counters({ scope: scopeKey({ kind: 'run', name: id }) })
  return {
    id,
    agent,
    definitions,
    state: live?.row.state ?? row.state,
    policy,
    contained,
    detached: live?.plan.detached ?? false,
    createdAtMs,
    endedAtMs,
    exitCode,
    budgets: live ? await heldCounters(ledger, live, nowMs) : [],
    chargedTokens: own.reduce((sum, { period, settledTokens }) => sum + (period === 'total' ? settledTokens : 0), 0),
    openExchanges: live?.openExchanges ?? 0,
    scopes: live?.chain ?? [],
  }
}

/** The budgets that hold, provider by provider; where none is defined, the bottle's own counter without a limit. */
async function heldCounters(ledger: Ledger, live: LiveBottle, nowMs: number): Promise<BottleView['budgets']> {
  const keys = live.providers.flatMap((provider) => {
    const { governing, chain } = live.budgetsOf(provider, nowMs)
    return governing.length > 0 ? governing : [{ scope: chain[0] ?? '', provider: provider.name, period: 'total' }]
  })
  return Promise.all(keys.map((key) => ledger.counter(key)))
}
