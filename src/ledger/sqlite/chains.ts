/**
 * SQL of chains: whom the exchanges of one bottle on one day (UTC) are charged to. A chain is stored once, and events refer to
 * it, so that every counter of every period can be rebuilt from them.
 */
import type { DatabaseSync } from 'node:sqlite'
import { periodKeysOf, periodKeysOfAnyRun } from '../../core/budget/chain.ts'
import { startOfDayMs } from '../../core/calendar.ts'

export interface Chain {
  readonly dayMs: number
  readonly provider: string
  /** Distinct, most specific first. */
  readonly scopes: readonly string[]
  /** Keys of the periods that a charge of this chain counts in. */
  readonly periods: readonly string[]
}

/** Chains repeat from exchange to exchange, and parsing one costs as much as a statement. */
const maxParsedChains = 1_024

export type ChainStatements = ReturnType<typeof chainStatements>

export function chainStatements(db: DatabaseSync) {
  const find = db.prepare('SELECT chain_id AS chainId FROM chain WHERE keys = ?')
  const insert = db.prepare('INSERT INTO chain (keys) VALUES (?)')
  const insertScope = db.prepare('INSERT INTO chain_scope (scope, provider, day_ms, chain_id) VALUES (?, ?, ?, ?)')
  const all = db.prepare('SELECT chain_id AS chainId, keys FROM chain')
  const parsed = new Map<string, Chain>()
  /** A start reads every chain there is, and thousands are of one day. */
  let lastDay = { dayMs: Number.NaN, periods: periodKeysOfAnyRun(0) }
  const periodsOf = (scopes: readonly string[], dayMs: number) => {
    if (lastDay.dayMs !== dayMs) lastDay = { dayMs, periods: periodKeysOfAnyRun(dayMs) }
    return periodKeysOf(scopes, dayMs, lastDay.periods)
  }
  const parse = (keys: string): Chain => {
    const known = parsed.get(keys)
    if (known !== undefined) return known
    if (parsed.size >= maxParsedChains) parsed.clear()
    const { dayMs, provider, scopes } = JSON.parse(keys) as Omit<Chain, 'periods'>
    const chain = { dayMs, provider, scopes, periods: periodsOf(scopes, dayMs) }
    parsed.set(keys, chain)
    return chain
  }

  return {
    parse,

    /** The id of the chain of a charge that is reserved at this moment. */
    idOf: ({ provider, scopes, atMs }: { provider: string; scopes: readonly string[]; atMs: number }): number => {
      // Diamonds in `extends` may name a scope twice; it is charged once.
      const chain = { dayMs: startOfDayMs(atMs), provider, scopes: [...new Set(scopes)] }
      const keys = JSON.stringify(chain)
      const known = find.get(keys) as { readonly chainId: number } | undefined
      if (known !== undefined) return known.chainId
      const chainId = Number(insert.run(keys).lastInsertRowid)
      for (const scope of chain.scopes) insertScope.run(scope, provider, chain.dayMs, chainId)
      return chainId
    },

    /** Every chain by its id. */
    all: (): ReadonlyMap<number, Chain> =>
      new Map(
        (all.all() as unknown as readonly { chainId: number; keys: string }[]).map((row) => [
          row.chainId,
          parse(row.keys),
        ]),
      ),
  }
}
