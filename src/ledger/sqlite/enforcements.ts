/** SQL of the append-only audit. Triggers hold what is promised: no change, no removal, one open entry per bottle. */
import type { DatabaseSync } from 'node:sqlite'
import type {
  AuditEntry,
  EnforcementIntent,
  EnforcementOutcome,
  EnforcementStep,
  LimitNote,
  OpenEnforcement,
} from '../ledger.ts'

const auditColumns = `sequence, enforcement_id AS enforcementId, bottle_id AS bottleId, action, "trigger", phase, step, detail,
  at_ms AS atMs`
const isOpenIntent = `phase = 'intent' AND NOT EXISTS (
  SELECT 1 FROM enforcement AS outcome
  WHERE outcome.enforcement_id = enforcement.enforcement_id AND outcome.phase IN ('done', 'failed'))`

export type EnforcementStatements = ReturnType<typeof enforcementStatements>

export function enforcementStatements(db: DatabaseSync) {
  const openOfBottle = db.prepare(`
    SELECT enforcement_id AS enforcementId FROM enforcement WHERE bottle_id = ? AND ${isOpenIntent}`)
  const insertIntent = db.prepare(`
    INSERT INTO enforcement (enforcement_id, bottle_id, action, "trigger", phase, detail, at_ms)
    VALUES (?, ?, ?, ?, 'intent', ?, ?)`)
  /** Copies the intent's words. The first outcome stays: nothing is inserted when there is one. */
  const insertOutcome = db.prepare(`
    INSERT INTO enforcement (enforcement_id, bottle_id, action, "trigger", phase, detail, at_ms)
    SELECT enforcement_id, bottle_id, action, "trigger", ?2, ?3, ?4 FROM enforcement
    WHERE enforcement_id = ?1 AND ${isOpenIntent}`)
  /** The same for a step, whose first record stays. */
  const insertStep = db.prepare(`
    INSERT OR IGNORE INTO enforcement (enforcement_id, bottle_id, action, "trigger", phase, step, detail, at_ms)
    SELECT enforcement_id, bottle_id, action, "trigger", 'step', ?2, ?3, ?4 FROM enforcement
    WHERE enforcement_id = ?1 AND ${isOpenIntent}`)
  const insertLimit = db.prepare(`
    INSERT INTO enforcement (enforcement_id, bottle_id, action, "trigger", phase, detail, at_ms)
    VALUES (?, ?, 'limit', 'limit', 'done', ?, ?)`)
  const hasIntent = db.prepare(`SELECT 1 FROM enforcement WHERE enforcement_id = ? AND phase = 'intent'`)
  const open = db.prepare(`
    SELECT ${auditColumns}, (
      SELECT json_group_array(taken.step ORDER BY taken.sequence) FROM enforcement AS taken
      WHERE taken.enforcement_id = enforcement.enforcement_id AND taken.phase = 'step'
    ) AS doneSteps
    FROM enforcement WHERE ${isOpenIntent} ORDER BY sequence`)
  const newest = db.prepare(`
    SELECT * FROM (SELECT ${auditColumns} FROM enforcement ORDER BY sequence DESC LIMIT ?) ORDER BY sequence`)
  const newestOfBottle = db.prepare(`
    SELECT * FROM (SELECT ${auditColumns} FROM enforcement WHERE bottle_id = ? ORDER BY sequence DESC LIMIT ?)
    ORDER BY sequence`)

  return {
    openOfBottle: (bottleId: string) => openOfBottle.get(bottleId) as Pick<AuditEntry, 'enforcementId'> | undefined,

    insertIntent: ({ enforcementId, bottleId, action, trigger, reason, nowMs }: EnforcementIntent) => {
      insertIntent.run(enforcementId, bottleId, action, trigger, reason, nowMs)
    },

    insertOutcome: ({ enforcementId, outcome, detail, nowMs }: EnforcementOutcome) => {
      insertOutcome.run(enforcementId, outcome, detail, nowMs)
    },

    insertStep: ({ enforcementId, step, detail, nowMs }: EnforcementStep) => {
      insertStep.run(enforcementId, step, detail, nowMs)
    },

    insertLimit: ({ enforcementId, bottleId, detail, nowMs }: LimitNote) => {
      insertLimit.run(enforcementId, bottleId, detail, nowMs)
    },

    hasIntent: (enforcementId: string) => hasIntent.get(enforcementId) !== undefined,

    open: (): readonly OpenEnforcement[] =>
      (open.all() as unknown as readonly (Omit<OpenEnforcement, 'doneSteps'> & { readonly doneSteps: string })[]).map(
        (entry) => ({
          ...entry,
          doneSteps: JSON.parse(entry.doneSteps) as readonly string[],
        }),
      ),

    newest: (bottleId: string | undefined, limit: number) =>
      (bottleId === undefined ? newest.all(limit) : newestOfBottle.all(bottleId, limit)) as unknown as AuditEntry[],
  }
}
