/** SQL of the bottles' rows. */
import type { DatabaseSync } from 'node:sqlite'
import type { BottleChange, BottleFilter, BottleRow } from '../ledger.ts'

type StoredBottle = Omit<BottleRow, 'definitions' | 'contained'> & {
  readonly definitions: string
  readonly contained: 0 | 1
}

const bottleColumns = `id, agent, definitions, state, policy, contained, created_at_ms AS createdAtMs,
  ended_at_ms AS endedAtMs, exit_code AS exitCode, reference`

export type BottleStatements = ReturnType<typeof bottleStatements>

export function bottleStatements(db: DatabaseSync) {
  const insert = db.prepare(`
    INSERT INTO bottle (id, agent, definitions, state, policy, contained, created_at_ms, ended_at_ms, exit_code, reference)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`)
  const update = db.prepare('UPDATE bottle SET state = ?, ended_at_ms = ?, exit_code = ?, reference = ? WHERE id = ?')
  const find = db.prepare(`SELECT ${bottleColumns} FROM bottle WHERE id = ?`)
  const newest = db.prepare(`SELECT ${bottleColumns} FROM bottle ORDER BY created_at_ms DESC, sequence DESC LIMIT ?`)
  const newestLiving = db.prepare(`
    SELECT ${bottleColumns} FROM bottle WHERE state IN ('starting', 'running', 'cut')
    ORDER BY created_at_ms DESC, sequence DESC LIMIT ?`)
  const newestAtHand = db.prepare(`
    SELECT ${bottleColumns} FROM bottle WHERE state IN ('starting', 'running', 'cut', 'frozen')
    ORDER BY created_at_ms DESC, sequence DESC LIMIT ?`)
  const bottle = (id: string): BottleRow | undefined => {
    const row = find.get(id) as StoredBottle | undefined
    return row && bottleOf(row)
  }

  return {
    /** False when the id is taken. */
    insert: (row: BottleRow): boolean => {
      const { id, agent, definitions, state, policy, contained, createdAtMs, endedAtMs, exitCode, reference } = row
      const names = JSON.stringify(definitions)
      const flag = contained ? 1 : 0
      return (
        insert.run(id, agent, names, state, policy, flag, createdAtMs, endedAtMs, exitCode, reference).changes === 1
      )
    },

    /** False when there is no such bottle. */
    update: (id: string, change: BottleChange): boolean => {
      const before = bottle(id)
      if (before === undefined) return false
      const { state, endedAtMs, exitCode, reference } = { ...before, ...change }
      return update.run(state, endedAtMs, exitCode, reference, id).changes === 1
    },

    find: bottle,

    newest: ({ living, frozen, limit }: BottleFilter): readonly BottleRow[] => {
      const statement = living ? (frozen ? newestAtHand : newestLiving) : newest
      const rows = statement.all(limit ?? -1)
      return (rows as unknown as readonly StoredBottle[]).map(bottleOf)
    },
  }
}

function bottleOf(row: StoredBottle): BottleRow {
  return { ...row, definitions: JSON.parse(row.definitions) as readonly string[], contained: row.contained === 1 }
}
