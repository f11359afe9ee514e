/**
 * SQL of counters, their limits, and warnings.
 *
 * STRICT tables prove the types of what is read here: a column is what its declaration says.
 * **Invariant** `settled_tokens` is the sum of the events that count in the counter's scope and period, `reserved_tokens`
 * the sum of the open holds that it governs; a counter that appears late starts at these sums. Sums saturate at 2^53 - 1.
 * **Invariant** `limit_tokens` is that of the budget which the counter is a period of: a copy, so that a hold reads one row.
 */
import type { DatabaseSync } from 'node:sqlite'
import { periodOfKey, spanOf } from '../../core/budget/period.ts'
import type { BudgetKey, Counter, CounterKey } from '../../core/budget/scope.ts'
import type { Limit, Warning } from '../ledger.ts'

const counterColumns = `scope, provider, period,
  limit_tokens AS limitTokens, settled_tokens AS settledTokens, reserved_tokens AS reservedTokens`

/** A counter as settle needs it. */
export interface KeptCounter {
  readonly counter: Counter
  /** Kinds of period for which its scope and provider have counters besides; only known of the counter of all time. */
  readonly keptPeriods: string
}

type KeptRow = Counter & Pick<KeptCounter, 'keptPeriods'>

/** All of time, for periods that no calendar ends. */
const endlessSpan = { startMs: Number.MIN_SAFE_INTEGER, endMs: Number.MAX_SAFE_INTEGER }

export type CounterStatements = ReturnType<typeof counterStatements>

export function counterStatements(db: DatabaseSync) {
  const find = db.prepare(`
    SELECT ${counterColumns}, kept_periods AS keptPeriods FROM counter
    WHERE scope = ? AND provider = ? AND period = ?`)
  /** The predicate is `admit()` of core/budget/admit.ts: a property test holds them together. */
  const hold = db.prepare(`
    UPDATE counter SET reserved_tokens = reserved_tokens + ?1
    WHERE scope = ?2 AND provider = ?3 AND period = ?4
      AND (limit_tokens IS NULL OR settled_tokens + reserved_tokens + ?1 <= limit_tokens)`)
  /** The same on a host that shares the counter: also within what it was granted. */
  const holdGranted = db.prepare(`
    UPDATE counter SET reserved_tokens = reserved_tokens + ?1
    WHERE scope = ?2 AND provider = ?3 AND period = ?4
      AND (limit_tokens IS NULL OR settled_tokens + reserved_tokens + ?1 <= limit_tokens)
      AND settled_tokens + reserved_tokens + ?1 <= granted_tokens`)
  const findGrantLeft = db.prepare(`
    SELECT 1 FROM counter WHERE scope = ? AND provider = ? AND period = ? AND settled_tokens < granted_tokens`)
  const release = db.prepare(`
    UPDATE counter SET reserved_tokens = reserved_tokens - ?
    WHERE scope = ? AND provider = ? AND period = ?`)
  const charge = db.prepare(`
    UPDATE counter
    SET settled_tokens = max(0, min(settled_tokens + ?, 9007199254740991)), reserved_tokens = reserved_tokens - ?
    WHERE scope = ? AND provider = ? AND period = ?`)
  /**
   * What a counter is by the records alone: ?4 is the budget's kind of period, ?5 and ?6 its span. A run's period is the
   * chains that carry its scope (?7, else the counter's own scope); it has few, so they are looked for first.
   */
  const derived = `
    SELECT ?1 AS scope, ?2 AS provider, ?3 AS period,
      (SELECT limit_tokens FROM budget WHERE scope = ?1 AND provider = ?2 AND period = ?4) AS limitTokens,
      (SELECT min(CAST(total(usage_hour.charge_tokens) AS INTEGER), 9007199254740991)
        FROM chain_scope AS found JOIN usage_hour USING (chain_id)
        WHERE found.scope = ?7 AND found.provider = ?2 AND found.day_ms >= ?5 AND found.day_ms < ?6
          AND EXISTS (SELECT 1 FROM chain_scope AS own WHERE own.scope = ?1 AND own.provider = ?2
            AND own.day_ms = found.day_ms AND own.chain_id = found.chain_id)) AS settledTokens,
      (SELECT CAST(total(reservation.hold_tokens) AS INTEGER)
        FROM reservation, json_each(reservation.governing) AS governing
        WHERE governing.value ->> 0 = ?1 AND governing.value ->> 1 = ?2 AND governing.value ->> 2 = ?3) AS reservedTokens`
  const derive = db.prepare(derived)
  const create = db.prepare(`
    INSERT INTO counter (scope, provider, period, limit_tokens, settled_tokens, reserved_tokens)
    ${derived} WHERE true ON CONFLICT DO NOTHING`)
  const keep = db.prepare(`
    UPDATE counter SET kept_periods = trim(kept_periods || ' ' || ?1)
    WHERE scope = ?2 AND provider = ?3 AND period = 'total' AND instr(kept_periods, ?1) = 0`)
  const derivation = ({ scope, provider, period }: CounterKey) => {
    const kind = periodOfKey(period)
    const { startMs, endMs } = spanOf(period) ?? endlessSpan
    return [scope, provider, period, kind, startMs, endMs, kind === 'run' ? period : scope] as const
  }
  const insertBudget = db.prepare(`
    INSERT INTO budget (scope, provider, period, limit_tokens) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET limit_tokens = excluded.limit_tokens`)
  const deleteBudget = db.prepare('DELETE FROM budget WHERE scope = ? AND provider = ? AND period = ?')
  const listBudgets = db.prepare(`
    SELECT scope, provider, period, limit_tokens AS limitTokens FROM budget
    WHERE (?1 IS NULL OR scope = ?1) ORDER BY scope, provider, period`)
  /** ';' is the character after ':': all keys of the kind. */
  const copyLimit = db.prepare(`
    UPDATE counter SET limit_tokens = ?1
    WHERE scope = ?2 AND provider = ?3 AND (period = ?4 OR period >= ?4 || ':' AND period < ?4 || ';')`)
  const list = db.prepare(`
    SELECT ${counterColumns} FROM counter
    WHERE (?1 IS NULL OR scope = ?1) AND (?2 IS NULL OR provider = ?2)
    ORDER BY scope, provider, period`)
  const insertWarning = db.prepare(`
    INSERT INTO warning (scope, provider, period, limit_tokens, threshold_percent, warned_at_ms)
    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)

  const findKept = ({ scope, provider, period }: CounterKey): KeptCounter | undefined => {
    const row = find.get(scope, provider, period) as KeptRow | undefined
    if (row === undefined) return undefined
    const { limitTokens, settledTokens, reservedTokens, keptPeriods } = row
    return { counter: { scope, provider, period, limitTokens, settledTokens, reservedTokens }, keptPeriods }
  }

  return {
    find: (key: CounterKey): Counter | undefined => findKept(key)?.counter,
    findKept,

    /** What the counter is, or would be if it was created now. */
    derive: (key: CounterKey) => derive.get(...derivation(key)) as unknown as Counter,

    /** Creates the counter as it would be if it had been there from the beginning, and sees to it that it is kept so. */
    create: (key: CounterKey) => {
      create.run(...derivation(key))
      if (key.period === 'total') return
      create.run(...derivation({ ...key, period: 'total' }))
      keep.run(periodOfKey(key.period), key.scope, key.provider)
    },

    /** False when the counter has no room or does not exist. */
    holdIfRoom: (holdTokens: number, { scope, provider, period }: CounterKey) =>
      hold.run(holdTokens, scope, provider, period).changes === 1,

    /** False when the counter has no room, does not exist, or this host was not granted as much of it. */
    holdIfGranted: (holdTokens: number, { scope, provider, period }: CounterKey) =>
      holdGranted.run(holdTokens, scope, provider, period).changes === 1,

    hasGrantLeft: ({ scope, provider, period }: CounterKey) => findGrantLeft.get(scope, provider, period) !== undefined,

    release: (holdTokens: number, { scope, provider, period }: CounterKey) => {
      release.run(holdTokens, scope, provider, period)
    },

    /** Adds a charge (or what corrects one) in full, whatever the limit, and gives back a hold. False when the counter does not exist. */
    charge: (chargeTokens: number, holdTokens: number, { scope, provider, period }: CounterKey) =>
      charge.run(chargeTokens, holdTokens, scope, provider, period).changes === 1,

    setLimit: (limitTokens: number | null, { scope, provider, period }: BudgetKey) => {
      if (limitTokens === null) deleteBudget.run(scope, provider, period)
      else insertBudget.run(scope, provider, period, limitTokens)
      copyLimit.run(limitTokens, scope, provider, period)
    },

    limits: (scope: string | undefined) => listBudgets.all(scope ?? null) as unknown as readonly Limit[],

    list: (scope?: string, provider?: string) =>
      list.all(scope ?? null, provider ?? null) as unknown as readonly Counter[],

    /** False when this threshold of this limit was recorded before. */
    insertWarning: ({ scope, provider, period, limitTokens, thresholdPercent, nowMs }: Warning) =>
      insertWarning.run(scope, provider, period, limitTokens, thresholdPercent, nowMs).changes === 1,
  }
}
