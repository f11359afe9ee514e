/**
 * SQL of corrections: what an exchange cost of which `recover` had charged the hold, told after all. The event stays as it is;
 * reports, periods and counters are as if it had been charged right at once.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { SettleRequest } from '../ledger.ts'
import type { Chain, ChainStatements } from './chains.ts'
import { addEventsToHours, setChanged } from './usage-hours.ts'

/** How an exchange ended that `recover` charged; nobody else says it. */
export const recoveredEnding = 'controller_gone'

export interface RecoveredEvent {
  readonly sequence: number
  readonly chain: Chain
  readonly chargeTokens: number
}

export type CorrectionStatements = ReturnType<typeof correctionStatements>

export interface CorrectionOptions extends Pick<ChainStatements, 'parse'> {
  /** Other hosts are told of hours. */
  readonly isShared: boolean
}

export function correctionStatements(db: DatabaseSync, { parse, isShared }: CorrectionOptions) {
  const findRecovered = db.prepare(`
    SELECT sequence, keys, charge_tokens AS chargeTokens FROM usage_event JOIN chain USING (chain_id)
    WHERE attempt_id = ? AND ending = '${recoveredEnding}'
      AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.sequence = usage_event.sequence)`)
  const insert = db.prepare(`
    INSERT INTO correction (sequence, model, input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens,
      output_tokens, reasoning_tokens, charge_tokens, source, ending, corrected_at_ms)
    SELECT ?1, coalesce(?2, model), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM usage_event WHERE sequence = ?1`)
  /** Nothing was known of a recovered exchange but its charge. */
  const takeFromHour = db.prepare(`
    UPDATE usage_hour SET exchanges = exchanges - 1, charge_tokens = max(0, usage_hour.charge_tokens - e.charge_tokens),
      ${setChanged}
    FROM usage_event AS e
    WHERE e.sequence = ? AND usage_hour.hour_ms = e.settled_at_ms / 3600000 * 3600000
      AND usage_hour.bottle_id = e.bottle_id AND usage_hour.agent = e.agent AND usage_hour.provider = e.provider
      AND usage_hour.model = coalesce(e.model, '') AND usage_hour.source = e.source AND usage_hour.chain_id = e.chain_id
    RETURNING hour_ms AS hourMs`)
  /** One that other hosts were told of, or are just being told of, stays: they are told that it is empty. */
  const dropEmptyHour = db.prepare('DELETE FROM usage_hour WHERE hour_ms = ? AND exchanges = 0 AND told_ms = 0')
  const addToHour = db.prepare(addEventsToHours('usage_hour', 'sequence = ?'))

  return {
    /** An attempt that was charged at its hold, and not yet corrected. */
    findRecovered: (attemptId: string): RecoveredEvent | undefined => {
      const row = findRecovered.get(attemptId) as
        | { readonly sequence: number; readonly keys: string; readonly chargeTokens: number }
        | undefined
      return row && { sequence: row.sequence, chain: parse(row.keys), chargeTokens: row.chargeTokens }
    },

    /** Records the correction of an event, and moves what its hour says of it. */
    append: (sequence: number, { usage, chargeTokens, source, model, ending, nowMs }: SettleRequest): void => {
      const taken = takeFromHour.get(sequence) as { readonly hourMs: number } | undefined
      if (taken !== undefined && !isShared) dropEmptyHour.run(taken.hourMs)
      insert.run(
        sequence,
        model,
        usage.inputTokens ?? null,
        usage.cacheWrite5mTokens ?? null,
        usage.cacheWrite1hTokens ?? null,
        usage.cacheReadTokens ?? null,
        usage.outputTokens ?? null,
        usage.reasoningTokens ?? null,
        chargeTokens,
        source,
        ending,
        nowMs,
      )
      addToHour.run(sequence)
    },
  }
}
