/** Compares counters with events (I6): each counter is to be the sum of the events that count in its scope and period. */
import type { Counter, CounterKey } from '../../core/budget/scope.ts'
import type { CounterMismatch } from '../ledger.ts'
import type { ChainSums } from './chain-sums.ts'
import type { Chain } from './chains.ts'

/** A counter of all time is missed where there are events for it; those of other periods come when they are asked. */
export function counterMismatches(
  counters: readonly Counter[],
  sums: ChainSums,
  chains: ReadonlyMap<number, Chain>,
): readonly CounterMismatch[] {
  const found = new Map<string, CounterMismatch>()
  for (const { scope, provider, period, settledTokens } of counters) {
    found.set(nameOf({ scope, provider, period }), { scope, provider, period, settledTokens, eventTokens: 0 })
  }
  for (const [chainId, eventTokens] of sums) {
    const chain = chains.get(chainId)
    if (chain === undefined) throw new Error(`chain ${chainId} has events and no keys`)
    for (const scope of chain.scopes) {
      for (const period of chain.periods) {
        const key = { scope, provider: chain.provider, period }
        const name = nameOf(key)
        const before = found.get(name) ?? { ...key, settledTokens: 0, eventTokens: 0 }
        if (period !== 'total' && !found.has(name)) continue
        found.set(name, { ...before, eventTokens: before.eventTokens + eventTokens })
      }
    }
  }
  return [...found.values()]
    .map((one) => ({ ...one, eventTokens: Math.min(one.eventTokens, Number.MAX_SAFE_INTEGER) }))
    .filter(({ settledTokens, eventTokens }) => settledTokens !== eventTokens)
}

function nameOf({ scope, provider, period }: CounterKey): string {
  return `${scope}\0${provider}\0${period}`
}
