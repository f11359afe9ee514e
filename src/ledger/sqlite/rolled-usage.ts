/**
 * SQL of old events: they are replaced by their sums of the hour, which are then the record. The ids of their attempts stay, so
 * that none is ever charged again.
 */
import type { DatabaseSync } from 'node:sqlite'
import { addEventsToHours } from './usage-hours.ts'

/** Events that are looked at for a batch. As many that a clock ahead left may stand before old ones: all are read each time. */
const maxLookedAt = 10_000

export type RolledUsageStatements = ReturnType<typeof rolledUsageStatements>

export function rolledUsageStatements(db: DatabaseSync) {
  /** The newest event of all stays: its sequence must not be given again. */
  const lastOfBatch = db.prepare(`
    SELECT max(sequence) AS sequence FROM (
      SELECT sequence FROM (SELECT sequence, settled_at_ms FROM usage_event ORDER BY sequence LIMIT ${maxLookedAt})
      WHERE settled_at_ms < ?1 AND sequence < (SELECT max(sequence) FROM usage_event) LIMIT ?2)`)
  const old = 'sequence <= ?1 AND settled_at_ms < ?2'
  const addSums = db.prepare(addEventsToHours('rolled_usage', old))
  const keepAttempts = db.prepare(`INSERT INTO rolled_attempt SELECT attempt_id FROM usage_event WHERE ${old}`)
  const deleteCorrections = db.prepare(`
    DELETE FROM correction WHERE sequence <= ?1
      AND (SELECT settled_at_ms FROM usage_event WHERE usage_event.sequence = correction.sequence) < ?2`)
  const deleteEvents = db.prepare(`DELETE FROM usage_event WHERE ${old}`)
  const isRolled = db.prepare('SELECT 1 FROM rolled_attempt WHERE attempt_id = ?')

  return {
    /** The oldest `maxEvents` that were settled before; a clock that was ahead may have left others between. */
    rollUp: (settledBeforeMs: number, maxEvents: number): number => {
      const { sequence } = lastOfBatch.get(settledBeforeMs, maxEvents) as { readonly sequence: number | null }
      if (sequence === null) return 0
      for (const statement of [addSums, keepAttempts, deleteCorrections]) statement.run(sequence, settledBeforeMs)
      return Number(deleteEvents.run(sequence, settledBeforeMs).changes)
    },

    isRolled: (attemptId: string): boolean => isRolled.get(attemptId) !== undefined,
  }
}
