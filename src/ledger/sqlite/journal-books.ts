/** SQL of grants and of what other hosts were not told: the operations of `ledger/journal.ts`. */
import type { DatabaseSync } from 'node:sqlite'
import { type BudgetKey, type CounterKey, isOfOneRun } from '../../core/budget/scope.ts'
import type { GrantState, Journal, UntoldHour } from '../journal.ts'
import { chainStatements } from './chains.ts'
import { counterStatements } from './counters.ts'
import { setUnsharedChanged, setUntold } from './usage-hours.ts'

/** The journal without its promises. */
export type JournalBooks = {
  readonly [Name in keyof Journal]: (...args: Parameters<Journal[Name]>) => Awaited<ReturnType<Journal[Name]>>
}

type UntoldRow = Omit<UntoldHour, 'scopes' | 'dayMs'> & { readonly keys: string }

export function createJournalBooks(db: DatabaseSync): JournalBooks {
  const counters = counterStatements(db)
  const chains = chainStatements(db)
  const insertHost = db.prepare('INSERT INTO host (host_id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM host)')
  const findHost = db.prepare('SELECT host_id AS hostId FROM host')
  const grantColumns = `scope, provider, period, limit_tokens AS limitTokens, settled_tokens AS settledTokens,
    reserved_tokens AS reservedTokens, granted_tokens AS grantedTokens`
  const find = db.prepare(`SELECT ${grantColumns} FROM counter WHERE scope = ? AND provider = ? AND period = ?`)
  const set = db.prepare('UPDATE counter SET granted_tokens = ? WHERE scope = ? AND provider = ? AND period = ?')
  /** ';' is the character after ':': a kind of period stands for all of its keys. */
  const lower = db.prepare(`
    UPDATE counter SET granted_tokens = min(settled_tokens + reserved_tokens, granted_tokens)
    WHERE granted_tokens > settled_tokens
      AND (?1 IS NULL OR scope = ?1 AND provider = ?2
        AND (period = ?3 OR period >= ?3 || ':' AND period < ?3 || ';'))
    RETURNING ${grantColumns}`)
  const findHold = db.prepare('SELECT hold_tokens AS holdTokens FROM reservation WHERE attempt_id = ?')
  const untold = db.prepare(`
    SELECT hour_ms AS hourMs, bottle_id AS bottleId, agent, provider, model, source, chain_id AS chainId, exchanges,
      input_tokens AS inputTokens, cache_write_tokens AS cacheWriteTokens, cache_write_1h_tokens AS cacheWrite1hTokens,
      cache_read_tokens AS cacheReadTokens, output_tokens AS outputTokens, reasoning_tokens AS reasoningTokens,
      charge_tokens AS chargeTokens, changed_ms AS changedMs,
      (SELECT keys FROM chain WHERE chain.chain_id = usage_hour.chain_id) AS keys
    FROM usage_hour WHERE told_ms < changed_ms ORDER BY hour_ms LIMIT ?`)
  const mark = db.prepare(`
    UPDATE usage_hour SET told_ms = max(told_ms, ?)
    WHERE hour_ms = ? AND bottle_id = ? AND agent = ? AND provider = ? AND model = ? AND source = ? AND chain_id = ?`)

  return {
    identify(newId) {
      insertHost.run(newId)
      db.exec(setUnsharedChanged)
      return (findHost.get() as { readonly hostId: string }).hostId
    },

    grant(key) {
      const { scope, provider, period } = key
      if (counters.find(key) === undefined) counters.create(key)
      return find.get(scope, provider, period) as unknown as GrantState
    },

    setGrant(key, grantedTokens) {
      if (counters.find(key) === undefined) counters.create(key)
      set.run(grantedTokens, key.scope, key.provider, key.period)
    },

    lowerGrants(of: CounterKey | BudgetKey | null) {
      const rows = of === null ? lower.all(null, null, null) : lower.all(of.scope, of.provider, of.period)
      return (rows as unknown as readonly GrantState[]).filter((row) => !isOfOneRun(row))
    },

    holdOf: (attemptId) => (findHold.get(attemptId) as { readonly holdTokens: number } | undefined)?.holdTokens,

    untoldHours: (limit) =>
      (untold.all(limit) as unknown as readonly UntoldRow[]).map(({ keys, ...row }) => {
        const { scopes, dayMs } = chains.parse(keys)
        return { ...row, scopes, dayMs }
      }),

    markTold(hours) {
      for (const { hourMs, bottleId, agent, provider, model, source, chainId, changedMs } of hours) {
        mark.run(changedMs, hourMs, bottleId, agent, provider, model, source, chainId)
      }
    },

    untell() {
      db.exec(setUntold)
    },
  }
}
