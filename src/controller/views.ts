/** What clients see of the controller's state. */
import { scopeKey } from '../core/budget/scope.ts'
import type { BottleRow, Ledger } from '../ledger/ledger.ts'
import type { BottleView } from './api.ts'
import type { LiveBottle } from './live-bottle.ts'

export async function viewOf(ledger: Ledger, row: BottleRow, live: LiveBottle | undefined): Promise<BottleView> {
  const { id, agent, definitions, policy, contained, createdAtMs, endedAtMs, exitCode } = row
  const own = await ledger.counters({ scope: scopeKey({ kind: 'run', name: id }) })
  return {
    id,
    agent,
    definitions,
    state: live?.row.state ?? row.state,
    policy,
    contained,
    createdAtMs,
    endedAtMs,
    exitCode,
    budgets: live ? await governingCounters(ledger, live) : [],
    chargedTokens: own.reduce((sum, { settledTokens }) => sum + settledTokens, 0),
    openExchanges: live?.openExchanges ?? 0,
  }
}

/** The governing counter of each provider; where no budget is defined, the bottle's own counter without a limit. */
async function governingCounters(ledger: Ledger, live: LiveBottle): Promise<BottleView['budgets']> {
  const counters = live.providers.map(async (provider) => {
    const { governing, chain } = live.budgetsOf(provider)
    const key = governing[0] ?? chain[0]
    if (!key) return []
    const [counter] = await ledger.counters({ scope: key.scope, provider: key.provider })
    return [counter ?? { ...key, limitTokens: null, settledTokens: 0, reservedTokens: 0 }]
  })
  return (await Promise.all(counters)).flat()
}
