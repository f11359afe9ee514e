/**
 * `ledger export`: every exchange that was charged, and the sums by the hour of those whose events are no more, in the order in
 * which they were recorded, from one snapshot. Memory does not grow with their number.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { ExportedUsage, ExportRange } from '../ledger-export.ts'

/** Sums first, which are older. A sum is in the range when its hour begins there. */
export function* exportUsage(db: DatabaseSync, { sinceMs, untilMs }: ExportRange): Generator<ExportedUsage> {
  const range = [sinceMs ?? Number.MIN_SAFE_INTEGER, untilMs ?? Number.MAX_SAFE_INTEGER] as const
  db.exec('BEGIN')
  try {
    for (const row of db.prepare(hours).iterate(...range)) yield { kind: 'hour', ...known(row) } as ExportedUsage
    for (const row of db.prepare(exchanges).iterate(...range))
      yield { kind: 'exchange', ...known(row) } as ExportedUsage
  } finally {
    db.exec('ROLLBACK')
  }
}

const hours = `
  SELECT hour_ms AS hourMs, bottle_id AS bottleId, agent, provider, nullif(model, '') AS model, source,
    sum(exchanges) AS exchanges, sum(input_tokens) AS inputTokens,
    sum(cache_write_tokens - cache_write_1h_tokens) AS cacheWrite5mTokens, sum(cache_write_1h_tokens) AS cacheWrite1hTokens,
    sum(cache_read_tokens) AS cacheReadTokens, sum(output_tokens) AS outputTokens, sum(reasoning_tokens) AS reasoningTokens,
    sum(charge_tokens) AS chargeTokens
  FROM rolled_usage WHERE hour_ms >= ? AND hour_ms < ?
  GROUP BY hour_ms, bottle_id, agent, provider, rolled_usage.model, source`

const exchanges = `
  SELECT e.attempt_id AS attemptId, e.bottle_id AS bottleId, e.agent, e.provider, e.model, e.source, e.ending,
    e.started_at_ms AS startedAtMs, e.settled_at_ms AS settledAtMs, c.corrected_at_ms AS correctedAtMs, 1 AS exchanges,
    e.input_tokens AS inputTokens, e.cache_write_5m_tokens AS cacheWrite5mTokens,
    e.cache_write_1h_tokens AS cacheWrite1hTokens, e.cache_read_tokens AS cacheReadTokens, e.output_tokens AS outputTokens,
    e.reasoning_tokens AS reasoningTokens, e.charge_tokens AS chargeTokens
  FROM charged_event AS e LEFT JOIN correction AS c USING (sequence)
  WHERE e.settled_at_ms >= ? AND e.settled_at_ms < ? ORDER BY e.sequence`

/** What the provider did not say is absent, not null and not 0; only a model can be null. */
function known(row: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(row).filter(([name, value]) => value !== null || name === 'model'))
}
