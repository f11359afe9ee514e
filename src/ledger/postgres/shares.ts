/** SQL of counters that hosts share: what each host was granted of them, and what it told of its charges. */
import { periodKeysOfAnyRun } from '../../core/budget/chain.ts'
import type { BudgetKey, Counter, CounterKey } from '../../core/budget/scope.ts'
import type { UntoldHour } from '../journal.ts'
import type { Override } from '../ledger.ts'
import type { Database } from './database.ts'

/** What all other hosts together did with a counter. Tokens. */
export interface OfOthers {
  readonly settledTokens: number
  /** Granted to them beyond what they told as settled: as good as held. */
  readonly heldTokens: number
}

export interface TopUp extends CounterKey {
  /** What the host may be up to already: its mark, or more where charges went beyond it. */
  readonly usedTokens: number
  readonly needTokens: number
  readonly limitTokens: number | null
}

export interface ToppedUp {
  readonly grantedTokens: number
  readonly others: OfOthers
}

export type Grant = CounterKey & { readonly grantedTokens: number }

export interface HostRow {
  readonly hostId: string
  readonly name: string
  readonly joinedAtMs: number
  readonly seenAtMs: number
  /** What it was granted and did not tell as settled, over all counters of all time. Tokens. */
  readonly heldTokens: number
}

/** Spare tokens of one grant: a host that dies has these charged until it comes back. */
const mostSpareTokens = 1_000_000
export const channel = 'bot_bottle'

export type Shares = ReturnType<typeof createShares>

export function createShares({ query }: Pick<Database, 'query'>, hostId: string) {
  let saidMs = 0
  /**
   * When the host speaks of a mark, after all that it said before. Safety: a statement that was given up may still be on its
   * way, and would lower a mark in the database that was raised since.
   */
  const nextSaidMs = () => {
    saidMs = Math.max(saidMs + 1, Date.now())
    return saidMs
  }

  return {
    join: async (name: string) => {
      await query(
        `INSERT INTO bot_bottle.host (host_id, name) VALUES ($1, $2)
         ON CONFLICT (host_id) DO UPDATE SET name = excluded.name, seen_at = now()`,
        [hostId, name],
      )
      // The clock may have stepped back since.
      const [last] = await query<{ ms: number }>(
        'SELECT coalesce(max(said_ms), 0) AS ms FROM bot_bottle.share WHERE host_id = $1',
        [hostId],
      )
      saidMs = Math.max(saidMs, last?.ms ?? 0)
    },

    /** Raises the host's mark where there is room for the need; else leaves it where it is. */
    topUp: async ({ scope, provider, period, usedTokens, needTokens, limitTokens }: TopUp): Promise<ToppedUp> => {
      const [row] = await query<{ granted: number; others_settled: number; others_held: number }>(
        'SELECT * FROM bot_bottle.top_up($1, $2, $3, $4, $5, $6, $7, $8, $9)',
        [scope, provider, period, hostId, usedTokens, needTokens, limitTokens, mostSpareTokens, nextSaidMs()],
      )
      if (row === undefined) throw new Error('top_up() returned nothing')
      return {
        grantedTokens: row.granted,
        others: { settledTokens: row.others_settled, heldTokens: row.others_held },
      }
    },

    /** Sets the host's mark of one counter, and tells the others that there may be room. */
    giveBack: async ({ scope, provider, period, grantedTokens }: Grant) => {
      await query(
        `WITH given AS (
           INSERT INTO bot_bottle.share AS share (scope, provider, period, host_id, granted_tokens, said_ms)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (scope, provider, period, host_id) DO UPDATE
             SET granted_tokens = excluded.granted_tokens, said_ms = excluded.said_ms
             WHERE share.said_ms < excluded.said_ms
         )
         SELECT pg_notify('${channel}', $7)`,
        [scope, provider, period, hostId, grantedTokens, nextSaidMs(), JSON.stringify({ kind: 'room', host: hostId })],
      )
    },

    /** Counters of which the host has, as far as the database knows, more than it told as settled. */
    openGrants: () =>
      query<CounterKey>(
        `SELECT scope, provider, period FROM bot_bottle.share WHERE host_id = $1 AND granted_tokens > settled_tokens`,
        [hostId],
      ),

    /** In the order of the keys. */
    ofOthers: async (keys: readonly CounterKey[]): Promise<readonly OfOthers[]> =>
      query<{ settledTokens: number; heldTokens: number }>(
        `SELECT least(coalesce(sum(settled_tokens), 0), $5)::bigint AS "settledTokens",
           least(coalesce(sum(greatest(granted_tokens - settled_tokens, 0)), 0), $5)::bigint AS "heldTokens"
         FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS asked (scope, provider, period, place)
           LEFT JOIN bot_bottle.share AS share ON share.scope = asked.scope AND share.provider = asked.provider
             AND share.period = asked.period AND share.host_id <> $1
         GROUP BY place ORDER BY place`,
        [
          hostId,
          keys.map((key) => key.scope),
          keys.map((key) => key.provider),
          keys.map((key) => key.period),
          mostTokens,
        ],
      ),

    /** The counters of all time that other hosts charged. */
    totalsOfOthers: (filter: { readonly scope?: string; readonly provider?: string }) =>
      query<Counter>(
        `SELECT scope, provider, period, NULL AS "limitTokens",
           least(sum(settled_tokens), $4)::bigint AS "settledTokens",
           least(sum(greatest(granted_tokens - settled_tokens, 0)), $4)::bigint AS "reservedTokens"
         FROM bot_bottle.share
         WHERE host_id <> $1 AND period = 'total' AND ($2::text IS NULL OR scope = $2) AND ($3::text IS NULL OR provider = $3)
         GROUP BY scope, provider, period`,
        [hostId, filter.scope ?? null, filter.provider ?? null, mostTokens],
      ),

    /** What the host told of its own charges at all time, by scope and provider. */
    ownTotals: () =>
      query<CounterKey & { settledTokens: number }>(
        `SELECT scope, provider, period, settled_tokens AS "settledTokens" FROM bot_bottle.share
         WHERE host_id = $1 AND period = 'total'`,
        [hostId],
      ),

    tell: async (hours: readonly UntoldHour[]) => {
      await query(`SELECT bot_bottle.tell($1, $2), pg_notify('${channel}', $3)`, [
        hostId,
        JSON.stringify(hours.map(hourRow)),
        JSON.stringify({ kind: 'settled', host: hostId }),
      ])
    },

    /** Asks the others to give back what they do not use of a counter. */
    want: async (counter: CounterKey) => {
      await query(`SELECT pg_notify('${channel}', $1)`, [JSON.stringify({ kind: 'wanted', host: hostId, counter })])
    },

    seen: async () => {
      await query('UPDATE bot_bottle.host SET seen_at = now() WHERE host_id = $1', [hostId])
    },

    hosts: () =>
      query<HostRow & { readonly [column: string]: unknown }>(
        `SELECT host_id AS "hostId", name, floor(extract(epoch FROM joined_at) * 1000)::bigint AS "joinedAtMs",
           floor(extract(epoch FROM seen_at) * 1000)::bigint AS "seenAtMs",
           least(coalesce((SELECT sum(greatest(granted_tokens - settled_tokens, 0)) FROM bot_bottle.share
             WHERE share.host_id = host.host_id AND period = 'total'), 0), $1)::bigint AS "heldTokens"
         FROM bot_bottle.host ORDER BY joined_at, host_id`,
        [mostTokens],
      ),

    forgetHost: async (other: string) => {
      await query('SELECT bot_bottle.forget_host($1)', [other])
    },

    /** Unless there is one. */
    addOverride: async ({ scope, provider, period, limitTokens, always }: Override) => {
      await query(
        `INSERT INTO bot_bottle.budget_override (scope, provider, period, limit_tokens, always)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
        [scope, provider, period, limitTokens, always],
      )
    },

    setOverride: async ({ scope, provider, period, limitTokens, always }: Override) => {
      await query(
        `WITH written AS (
           INSERT INTO bot_bottle.budget_override (scope, provider, period, limit_tokens, always) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (scope, provider) DO UPDATE
             SET period = excluded.period, limit_tokens = excluded.limit_tokens, always = excluded.always
         )
         SELECT pg_notify('${channel}', $6)`,
        [scope, provider, period, limitTokens, always, JSON.stringify({ kind: 'budgets', host: hostId })],
      )
    },

    removeOverride: async ({ scope, provider }: Pick<BudgetKey, 'scope' | 'provider'>): Promise<boolean> => {
      const rows = await query(
        `WITH gone AS (DELETE FROM bot_bottle.budget_override WHERE scope = $1 AND provider = $2 RETURNING 1)
         SELECT pg_notify('${channel}', $3) FROM gone`,
        [scope, provider, JSON.stringify({ kind: 'budgets', host: hostId })],
      )
      return rows.length > 0
    },

    overrides: (scope: string | undefined) =>
      query<Override>(
        `SELECT scope, provider, period, limit_tokens AS "limitTokens", always FROM bot_bottle.budget_override
         WHERE ($1::text IS NULL OR scope = $1) ORDER BY scope, provider`,
        [scope ?? null],
      ),
  }
}

const mostTokens = Number.MAX_SAFE_INTEGER

function hourRow(hour: UntoldHour): Readonly<Record<string, unknown>> {
  return {
    hour_ms: hour.hourMs,
    bottle_id: hour.bottleId,
    agent: hour.agent,
    provider: hour.provider,
    model: hour.model,
    source: hour.source,
    day_ms: hour.dayMs,
    scopes: hour.scopes,
    periods: periodKeysOfAnyRun(hour.dayMs),
    exchanges: hour.exchanges,
    input_tokens: hour.inputTokens,
    cache_write_tokens: hour.cacheWriteTokens,
    cache_write_1h_tokens: hour.cacheWrite1hTokens,
    cache_read_tokens: hour.cacheReadTokens,
    output_tokens: hour.outputTokens,
    reasoning_tokens: hour.reasoningTokens,
    charge_tokens: hour.chargeTokens,
    changed_ms: hour.changedMs,
  }
}
