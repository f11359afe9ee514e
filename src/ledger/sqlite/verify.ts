/** Compares counters with events (I6): each counter is to be the sum of the events that count in its scope and period. */
import type { Counter } from '../../core/budget/scope.ts'
import type { CounterMismatch } from '../ledger.ts'
import type { ChainSums } from './chain-sums.ts'
import type { Chain } from './chains.ts'

type Comparison = { -readonly [Field in keyof CounterMismatch]: CounterMismatch[Field] }

/** A counter of all time is missed where there are events for it; those of other periods come when they are asked. */
export function counterMismatches(
  counters: readonly Counter[],
  sums: ChainSums,
  chains: ReadonlyMap<number, Chain>,
): readonly CounterMismatch[] {
  /** By scope and provider, then by period: most have one of all time and no more, and there are tens of thousands. */
  const found = new Map<string, Map<string, Comparison>>()
  const comparisonsOf = (scope: string, provider: string) => {
    const name = `${scope}\0${provider}`
    const known = found.get(name) ?? new Map<string, Comparison>()
    if (known.size === 0) found.set(name, known)
    return known
  }
  for (const { scope, provider, period, settledTokens } of counters) {
    comparisonsOf(scope, provider).set(period, { scope, provider, period, settledTokens, eventTokens: 0 })
  }
  for (const [chainId, eventTokens] of sums) {
    const chain = chains.get(chainId)
    // Charges of a chain that is lost are in no counter's sum, so that the counters differ.
    if (chain === undefined) continue
    const { provider, periods } = chain
    for (const scope of chain.scopes) {
      const kept = comparisonsOf(scope, provider)
      if (!kept.has('total')) kept.set('total', { scope, provider, period: 'total', settledTokens: 0, eventTokens: 0 })
      for (const period of kept.size === 1 ? ['total'] : periods) {
        const one = kept.get(period)
        if (one !== undefined) one.eventTokens += eventTokens
      }
    }
  }
  return [...found.values()]
    .flatMap((kept) => [...kept.values()])
    .map((one) => ({ ...one, eventTokens: Math.min(one.eventTokens, Number.MAX_SAFE_INTEGER) }))
    .filter(({ settledTokens, eventTokens }) => settledTokens !== eventTokens)
}
