/** SQL of what the estimator learned: a few hundred rows at most. */
import type { DatabaseSync } from 'node:sqlite'
import type { EstimatorRow } from '../ledger.ts'

export function estimatorStatements(db: DatabaseSync) {
  const save = db.prepare(`
    INSERT INTO estimator (provider, model, state, updated_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT (provider, model) DO UPDATE SET state = excluded.state, updated_at_ms = excluded.updated_at_ms`)
  const list = db.prepare(`
    SELECT provider, model, state, updated_at_ms AS updatedAtMs FROM estimator
    ORDER BY updated_at_ms DESC, provider, model`)
  const prune = db.prepare(`
    DELETE FROM estimator WHERE (provider, model) NOT IN (
      SELECT provider, model FROM estimator ORDER BY updated_at_ms DESC, provider, model LIMIT ?)`)

  return {
    save: (rows: readonly EstimatorRow[], maxRows: number): void => {
      for (const { provider, model, state, updatedAtMs } of rows) save.run(provider, model, state, updatedAtMs)
      prune.run(maxRows)
    },

    list: () => list.all() as unknown as readonly EstimatorRow[],
  }
}
