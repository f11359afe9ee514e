/** SQL of what operators set in place of what files say. */
import type { DatabaseSync } from 'node:sqlite'
import type { Override } from '../ledger.ts'

export type OverrideStatements = ReturnType<typeof overrideStatements>

export function overrideStatements(db: DatabaseSync) {
  const set = db.prepare(`
    INSERT INTO budget_override (scope, provider, period, limit_tokens, always) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      period = excluded.period, limit_tokens = excluded.limit_tokens, always = excluded.always`)
  const remove = db.prepare('DELETE FROM budget_override WHERE scope = ? AND provider = ?')
  const list = db.prepare(`
    SELECT scope, provider, period, limit_tokens AS limitTokens, always FROM budget_override
    WHERE (?1 IS NULL OR scope = ?1) ORDER BY scope, provider`)

  return {
    set: ({ scope, provider, period, limitTokens, always }: Override) => {
      set.run(scope, provider, period, limitTokens, always ? 1 : 0)
    },

    /** False when there was none. */
    remove: ({ scope, provider }: Pick<Override, 'scope' | 'provider'>) => remove.run(scope, provider).changes === 1,

    list: (scope: string | undefined): readonly Override[] =>
      (list.all(scope ?? null) as unknown as readonly (Omit<Override, 'always'> & { readonly always: 0 | 1 })[]).map(
        (row) => ({ ...row, always: row.always === 1 }),
      ),
  }
}
