/**
 * SQL of chains: whom the exchanges of one bottle on one day (UTC) are charged to. A chain is stored once, and events refer to
 * it, so that every counter of every period can be rebuilt from them.
 */
import type { DatabaseSync } from 'node:sqlite'
import { periodKeysOf } from '../../core/budget/chain.ts'
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
  const sums = db.prepare(`
    SELECT chain.keys, by_chain.tokens
    FROM (SELECT chain_id, total(charge_tokens) AS tokens FROM usage_event GROUP BY chain_id) AS by_chain
    JOIN chain USING (chain_id)`)
  const parsed = new Map<string, Chain>()
  const parse = (keys: string): Chain => {
    const known = parsed.get(keys)
    if (known !== undefined) return known
    if (parsed.size >= maxParsedChains) parsed.clear()
    const { dayMs, provider, scopes } = JSON.parse(keys) as Omit<Chain, 'periods'>
    const chain = { dayMs, provider, scopes, periods: periodKeysOf(scopes, dayMs) }
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

    /** What the events of each chain add up to. Tokens, beyond 2^53 not exact. Reads every event. */
    sums: (): readonly { readonly chain: Chain; readonly eventTokens: number }[] =>
      (sums.all() as unknown as readonly { readonly keys: string; readonly tokens: number }[]).map(
        ({ keys, tokens }) => ({ chain: parse(keys), eventTokens: tokens }),
      ),
  }
}
