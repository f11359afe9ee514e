/** The audit as one row for each enforcement: what was done to which bottle, by whom, why, and what came of it. Newest first. */
import type { AuditList } from '../../controller/api.ts'

type Entry = AuditList[number]

export interface AuditRow extends Pick<Entry, 'enforcementId' | 'bottleId' | 'action' | 'trigger' | 'atMs'> {
  /** Why it was begun. */
  readonly reason: string
  readonly outcome: 'open' | 'done' | 'failed'
  /** What came of it; while it is open, the last step. */
  readonly detail: string
  /** null while it is open. */
  readonly tookMs: number | null
}

export function auditRows(entries: AuditList): readonly AuditRow[] {
  const rows = new Map<string, AuditRow>()
  for (const { enforcementId, bottleId, action, trigger, phase, detail, atMs } of entries) {
    const begun = rows.get(enforcementId) ?? {
      ...{ enforcementId, bottleId, action, trigger, atMs },
      ...{ reason: phase === 'intent' ? detail : '', outcome: 'open', detail: '', tookMs: null },
    }
    if (phase === 'intent') rows.set(enforcementId, begun)
    else if (phase === 'step') rows.set(enforcementId, { ...begun, detail })
    else rows.set(enforcementId, { ...begun, outcome: phase, detail, tookMs: atMs - begun.atMs })
  }
  return [...rows.values()].toReversed()
}
