/** What other hosts did with the counters that this one asked about, asked anew or as last heard. */
import { type Counter, type CounterKey, isOfOneRun } from '../../core/budget/scope.ts'
import type { OfOthers, Shares } from './shares.ts'

/** Those that were asked about last. */
const maxKnown = 1_024
const nothing: OfOthers = { settledTokens: 0, heldTokens: 0 }

export type Others = ReturnType<typeof createOthers>

export function createOthers(shares: Pick<Shares, 'ofOthers'>) {
  const known = new Map<string, { readonly key: CounterKey; readonly others: OfOthers }>()

  const remember = ({ scope, provider, period }: CounterKey, others: OfOthers) => {
    const name = `${scope}\n${provider}\n${period}`
    known.delete(name)
    known.set(name, { key: { scope, provider, period }, others })
    const [oldest] = known.size > maxKnown ? known.keys() : []
    if (oldest !== undefined) known.delete(oldest)
  }
  const lastHeard = ({ scope, provider, period }: CounterKey) =>
    known.get(`${scope}\n${provider}\n${period}`)?.others ?? nothing

  return {
    remember,

    /** The counter of all hosts, from that of this host and what was heard last of the others. */
    withLastHeard: (own: Counter): Counter => (isOfOneRun(own) ? own : sumOf(own, lastHeard(own))),

    /** The same, asked anew. */
    withAsked: async (counters: readonly Counter[]): Promise<readonly Counter[]> => {
      const shared = counters.filter((counter) => !isOfOneRun(counter))
      if (shared.length === 0) return counters
      const answers = await shares.ofOthers(shared)
      const found = new Map(shared.map((counter, index) => [counter, answers[index] ?? nothing]))
      return counters.map((counter) => {
        const others = found.get(counter)
        if (others === undefined) return counter
        remember(counter, others)
        return sumOf(counter, others)
      })
    },

    /** Asks anew about all that is known. True when something changed. */
    refresh: async (): Promise<boolean> => {
      const before = [...known.values()]
      if (before.length === 0) return false
      const answers = await shares.ofOthers(before.map(({ key }) => key))
      let isChanged = false
      for (const [index, { key, others: old }] of before.entries()) {
        const others = answers[index] ?? nothing
        if (others.settledTokens === old.settledTokens && others.heldTokens === old.heldTokens) continue
        isChanged = true
        remember(key, others)
      }
      return isChanged
    },
  }
}

export function sumOf(own: Counter, { settledTokens, heldTokens }: OfOthers): Counter {
  return {
    ...own,
    settledTokens: Math.min(own.settledTokens + settledTokens, Number.MAX_SAFE_INTEGER),
    reservedTokens: Math.min(own.reservedTokens + heldTokens, Number.MAX_SAFE_INTEGER),
  }
}
