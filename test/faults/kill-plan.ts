/** What happens in one round of the fault harness: where its controller is killed, and under which load. */
import type { CutPolicy } from '../../src/ledger/ledger.ts'
import type { SandboxName } from '../../src/sandbox/sandbox.ts'
import { seededRandom } from '../fakes/seeded-random.ts'

/** Where the ledger's thread is killed: at its nth statement, or before, within or after its nth COMMIT. */
export type LedgerPlace = 'statement' | 'before-commit' | 'in-commit' | 'after-commit'

export type KillPoint =
  /** So long after it was started: while it opens the ledger, recovers, listens. */
  | { readonly kind: 'start'; readonly afterMs: number }
  /** So long after it was ready: while bottles start, or under load. */
  | { readonly kind: 'time'; readonly afterMs: number }
  /** As the provider gets its nth request. */
  | { readonly kind: 'request'; readonly count: number }
  /** As the provider is to send the nth piece of its answers. */
  | { readonly kind: 'piece'; readonly count: number }
  /** As clients have the nth whole answer. */
  | { readonly kind: 'answer'; readonly count: number }
  | { readonly kind: 'ledger'; readonly place: LedgerPlace; readonly count: number }

export interface BottleLoad {
  readonly sandbox: SandboxName
  readonly policy: CutPolicy
  /** Of the run, for `claude`; a small one is spent before the round is over. */
  readonly limitTokens: number
  readonly lanes: number
  readonly seed: number
}

export interface RoundPlan {
  readonly point: KillPoint
  readonly bottles: readonly BottleLoad[]
}

const kinds = ['start', 'time', 'request', 'request', 'piece', 'piece', 'answer', 'ledger', 'ledger', 'ledger'] as const

export function planRound(seed: number, round: number): RoundPlan {
  const random = seededRandom(seed + round * 7_919)
  const bottle = (sandbox: SandboxName): BottleLoad => ({
    sandbox,
    policy: random.pick(['cutoff', 'kill']),
    limitTokens: random.pick([2_000, 100_000_000, 100_000_000]),
    lanes: 2 + random.below(4),
    seed: random.below(2 ** 31),
  })
  const bottles = [bottle('bubblewrap'), bottle('none')]
  const kind = random.pick(kinds)
  switch (kind) {
    case 'start':
      return { point: { kind, afterMs: 150 + random.below(500) }, bottles }
    case 'time':
      return { point: { kind, afterMs: random.below(1_200) }, bottles }
    case 'request':
      return { point: { kind, count: 1 + random.below(24) }, bottles }
    case 'piece':
      return { point: { kind, count: 1 + random.below(800) }, bottles }
    case 'answer':
      return { point: { kind, count: 1 + random.below(16) }, bottles }
    case 'ledger': {
      const place = random.pick<LedgerPlace>(['statement', 'before-commit', 'in-commit', 'after-commit'])
      const count = 1 + random.below(place === 'statement' ? 500 : 70)
      return { point: { kind, place, count }, bottles }
    }
  }
}
