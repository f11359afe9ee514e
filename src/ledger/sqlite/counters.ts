/**
 * SQL of counters, chains and warnings.
 *
 * STRICT tables prove the types of what is read here: a column is what its declaration says.
 * **Invariant** `settled_tokens` is the sum of the events whose chain carries the counter, `reserved_tokens` the sum of
 * the open holds that it governs; a counter that appears late starts at these sums. Sums saturate at 2^53 - 1.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Counter, CounterKey } from '../../core/budget/scope.ts'
import type { CounterMismatch, Warning } from '../ledger.ts'

const counterColumns = `scope, provider, period,
  limit_tokens AS limitTokens, settled_tokens AS settledTokens, reserved_tokens AS reservedTokens`

export type CounterStatements = ReturnType<typeof counterStatements>

export function counterStatements(db: DatabaseSync) {
  const find = db.prepare(`
    SELECT limit_tokens AS limitTokens, settled_tokens AS settledTokens, reserved_tokens AS reservedTokens
    FROM counter WHERE scope = ? AND provider = ? AND period = ?`)
  /** The predicate is `admit()` of core/budget/admit.ts: a property test holds them together. */
  const hold = db.prepare(`
    UPDATE counter SET reserved_tokens = reserved_tokens + ?1
    WHERE scope = ?2 AND provider = ?3 AND period = ?4
      AND (limit_tokens IS NULL OR settled_tokens + reserved_tokens + ?1 <= limit_tokens)`)
  const release = db.prepare(`
    UPDATE counter SET reserved_tokens = reserved_tokens - ?
    WHERE scope = ? AND provider = ? AND period = ?`)
  const charge = db.prepare(`
    UPDATE counter
    SET settled_tokens = min(settled_tokens + ?, 9007199254740991), reserved_tokens = reserved_tokens - ?
    WHERE scope = ? AND provider = ? AND period = ?`)
  const create = db.prepare(`
    INSERT INTO counter (scope, provider, period, limit_tokens, settled_tokens, reserved_tokens)
    SELECT ?1, ?2, ?3, NULL,
      (SELECT min(CAST(total(usage_hour.charge_tokens) AS INTEGER), 9007199254740991)
        FROM chain_counter JOIN usage_hour USING (chain_id)
        WHERE chain_counter.scope = ?1 AND chain_counter.provider = ?2 AND chain_counter.period = ?3),
      (SELECT CAST(total(reservation.hold_tokens) AS INTEGER)
        FROM reservation, json_each(reservation.governing) AS governing
        WHERE governing.value ->> 0 = ?1 AND governing.value ->> 1 = ?2 AND governing.value ->> 2 = ?3)
    WHERE true
    ON CONFLICT DO NOTHING`)
  const limit = db.prepare(`
    UPDATE counter SET limit_tokens = ? WHERE scope = ? AND provider = ? AND period = ?`)
  const list = db.prepare(`
    SELECT ${counterColumns} FROM counter
    WHERE (?1 IS NULL OR scope = ?1) AND (?2 IS NULL OR provider = ?2)
    ORDER BY scope, provider, period`)
  /** Counters and chains are full-joined: a counter without events and events without a counter both show. */
  const mismatches = db.prepare(`
    WITH by_chain AS (SELECT chain_id, total(charge_tokens) AS tokens FROM usage_event GROUP BY chain_id),
    by_key AS (
      SELECT scope, provider, period, min(CAST(total(tokens) AS INTEGER), 9007199254740991) AS event_tokens
      FROM by_chain JOIN chain_counter USING (chain_id) GROUP BY scope, provider, period
    )
    SELECT scope, provider, period,
      coalesce(counter.settled_tokens, 0) AS settledTokens, coalesce(by_key.event_tokens, 0) AS eventTokens
    FROM counter FULL JOIN by_key USING (scope, provider, period)
    WHERE settledTokens <> eventTokens
    ORDER BY scope, provider, period`)
  const insertWarning = db.prepare(`
    INSERT INTO warning (scope, provider, period, limit_tokens, threshold_percent, warned_at_ms)
    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)

  return {
    find: (key: CounterKey): Counter | undefined => {
      const { scope, provider, period } = key
      const state = find.get(scope, provider, period) as Omit<Counter, keyof CounterKey> | undefined
      return state && { scope, provider, period, ...state }
    },

    /** False when the counter has no room or does not exist. */
    holdIfRoom: (holdTokens: number, { scope, provider, period }: CounterKey) =>
      hold.run(holdTokens, scope, provider, period).changes === 1,

    release: (holdTokens: number, { scope, provider, period }: CounterKey) => {
      release.run(holdTokens, scope, provider, period)
    },

    /** Adds a charge in full, whatever the limit, and gives back a hold. False when the counter does not exist. */
    charge: (chargeTokens: number, holdTokens: number, { scope, provider, period }: CounterKey) =>
      charge.run(chargeTokens, holdTokens, scope, provider, period).changes === 1,

    /** Creates the counter, without a limit, at the sums that it would have had from the beginning. */
    create: ({ scope, provider, period }: CounterKey) => {
      create.run(scope, provider, period)
    },

    /** False when the counter does not exist. */
    setLimit: (limitTokens: number | null, { scope, provider, period }: CounterKey) =>
      limit.run(limitTokens, scope, provider, period).changes === 1,

    list: (scope: string | undefined, provider: string | undefined) =>
      list.all(scope ?? null, provider ?? null) as unknown as readonly Counter[],

    mismatches: () => mismatches.all() as unknown as readonly CounterMismatch[],

    /** False when this threshold of this limit was recorded before. */
    insertWarning: ({ scope, provider, period, limitTokens, thresholdPercent, nowMs }: Warning) =>
      insertWarning.run(scope, provider, period, limitTokens, thresholdPercent, nowMs).changes === 1,
  }
}
