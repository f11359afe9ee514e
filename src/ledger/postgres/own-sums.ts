/** What the shared database knows of this host's charges, against the host's own books. */
import { isOfOneRun } from '../../core/budget/scope.ts'
import type { JournalLedger } from '../journal.ts'
import type { CounterMismatch } from '../ledger.ts'
import type { Shares } from './shares.ts'
import type { Telling } from './telling.ts'

export interface OwnSums {
  /**
   * Where the two differ once all was told: `settledTokens` is what the database says, `eventTokens` what was charged here. What is
   * charged meanwhile cannot be compared.
   */
  differing(): Promise<readonly CounterMismatch[]>
  /** Tells all, and everything again where the database has forgotten some of it: it was put back from a backup. */
  tell(): Promise<void>
}

export interface OwnSumsOptions {
  readonly journal: JournalLedger
  readonly shares: Pick<Shares, 'ownTotals'>
  readonly telling: Pick<Telling, 'tellAll'>
}

export function createOwnSums({ journal, shares, telling }: OwnSumsOptions): OwnSums {
  const booked = async () => {
    const counters = await journal.counters()
    const shared = counters.filter((counter) => counter.period === 'total' && !isOfOneRun(counter))
    return new Map(shared.map((counter) => [nameOf(counter), counter]))
  }

  const differing = async () => {
    const before = await booked()
    await telling.tellAll()
    const told = new Map((await shares.ownTotals()).map((share) => [nameOf(share), share]))
    const after = await booked()
    return [...new Map([...before, ...told])]
      .map(([name, { scope, provider, period }]) => ({
        ...{ scope, provider, period },
        settledTokens: told.get(name)?.settledTokens ?? 0,
        eventTokens: before.get(name)?.settledTokens ?? 0,
        laterTokens: after.get(name)?.settledTokens ?? 0,
      }))
      .filter((sum) => sum.eventTokens === sum.laterTokens && sum.eventTokens !== sum.settledTokens)
      .map(({ laterTokens: _, ...mismatch }) => mismatch)
  }

  return {
    differing,

    async tell() {
      const mismatches = await differing()
      if (!mismatches.some(({ settledTokens, eventTokens }) => settledTokens < eventTokens)) return
      await journal.untell()
      await telling.tellAll()
    },
  }
}

function nameOf({ scope, provider, period }: { scope: string; provider: string; period: string }): string {
  return `${scope}\n${provider}\n${period}`
}
