/** The lines of the audit, one entry for each thing that was enforced. */
import type { AuditList } from '../../controller/api.ts'

type AuditEntry = AuditList[number]

export interface Enforcement extends Pick<AuditEntry, 'bottleId' | 'action' | 'trigger'> {
  /** Of the intent. */
  readonly atMs: number
  readonly reason: string
  /** `open`: not ended yet. */
  readonly outcome: 'done' | 'failed' | 'open'
  /** What is said of the outcome. */
  readonly detail: string
}

/** In the order in which they began. Those whose intent is no more in the list are left out; a limit that was exceeded has none. */
export function enforcementsOf(audit: AuditList): readonly Enforcement[] {
  const byId = Map.groupBy(audit, ({ enforcementId }) => enforcementId)
  return [...byId.values()].flatMap((entries) => {
    const intent = entries.find(({ phase, action }) => phase === 'intent' || action === 'limit')
    if (!intent) return []
    const { bottleId, action, trigger, atMs, detail: reason } = intent
    const end = entries.find(({ phase }) => phase === 'done' || phase === 'failed')
    const outcome = end?.phase === 'done' || end?.phase === 'failed' ? end.phase : 'open'
    const detail = end === undefined || end === intent ? '' : end.detail
    return [{ bottleId, action, trigger, atMs, reason, outcome, detail }]
  })
}

/** Whether it took something from a bottle, as what an operator gives back does not. */
export function isCut({ action }: Enforcement): boolean {
  return action === 'cutoff' || action === 'freeze' || action === 'kill'
}
