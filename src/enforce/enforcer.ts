/**
 * Performs cuts and their reversal, for a spent budget and for an operator alike.
 *
 * **Invariant** (I8) The intent is durable before anything is done; a cut is done once, whoever asks at the same time; what a
 * crash left open is finished at the next start.
 * **Invariant** (I9) A ledger that cannot be written stops no cut: it is performed unrecorded, and the failure is told.
 */

import { messageOf } from '../core/errors.ts'
import type { AuditEntry, CutPolicy, EnforcementAction, EnforcementTrigger, Ledger } from '../ledger/ledger.ts'

/** A bottle as enforcement sees it. */
export interface EnforcementTarget {
  readonly id: string
  readonly isCut: boolean
  readonly isEnded: boolean
  /** Refuses everything from now on and ends what is open; resolves when nothing flows and all is settled. */
  close(message: string): Promise<{ readonly endedExchanges: number }>
  reopen(): Promise<void>
  /** Ends every process and removes what the bottle kept. */
  kill(): Promise<void>
}

export interface Cut {
  readonly policy: CutPolicy
  readonly trigger: EnforcementTrigger
  /** For the audit: one sentence. */
  readonly reason: string
  /** What clients in the bottle are told. */
  readonly message: string
}

export interface EnforcerOptions {
  readonly ledger: Pick<Ledger, 'beginEnforcement' | 'endEnforcement' | 'openEnforcements'>
  readonly nowMs: () => number
  readonly newId: () => string
  /** `reason`: that of the intent. */
  onEntry(entry: Omit<AuditEntry, 'sequence'> & { readonly reason: string }): void
}

export interface Enforcer {
  /** False when there was nothing left to do. */
  cut(target: EnforcementTarget, cut: Cut): Promise<boolean>
  restore(target: EnforcementTarget, reason: string): Promise<boolean>
  /** Writes the outcome of what an earlier controller began; `describe` says what became of the bottle. */
  finishInterrupted(describe: (entry: AuditEntry) => Promise<string>): Promise<void>
}

export function createEnforcer({ ledger, nowMs, newId, onEntry }: EnforcerOptions): Enforcer {
  /** The last action on each bottle: the next one waits for it. */
  const running = new Map<string, Promise<unknown>>()

  function inTurn<Result>(id: string, action: () => Promise<Result>): Promise<Result> {
    const turn = (running.get(id) ?? Promise.resolve()).then(action, action)
    running.set(id, turn)
    const forget = () => {
      if (running.get(id) === turn) running.delete(id)
    }
    turn.then(forget, forget)
    return turn
  }

  async function perform(
    { bottleId, action, trigger, reason }: Enforcement,
    steps: () => Promise<string>,
  ): Promise<void> {
    const enforcementId = newId()
    const entry = { enforcementId, bottleId, action, trigger, reason }
    const begun = await ledger.beginEnforcement({ ...entry, nowMs: nowMs() })
    if (begun.kind === 'open') throw new Error(`enforcement ${begun.enforcementId} of ${bottleId} has no outcome yet`)
    onEntry({ ...entry, phase: 'intent', detail: reason, atMs: nowMs() })
    const end = async (outcome: 'done' | 'failed', detail: string) => {
      await ledger.endEnforcement({ enforcementId, outcome, detail, nowMs: nowMs() })
      onEntry({ ...entry, phase: outcome, detail, atMs: nowMs() })
    }
    const outcome = await steps().catch(async (error: unknown) => {
      await end('failed', messageOf(error))
      throw error
    })
    await end('done', outcome)
  }

  /** Ends what flows, and by policy every process: the second also when the first could not be written down. */
  async function close(target: EnforcementTarget, { policy, message }: Cut): Promise<string> {
    const closing = target.close(message)
    if (policy === 'kill') await closing.catch(() => undefined).then(() => target.kill())
    const { endedExchanges } = await closing
    const ended = `${endedExchanges} open ${endedExchanges === 1 ? 'exchange' : 'exchanges'} ended`
    return policy === 'kill' ? `${ended}; every process ended` : `${ended}; the agent runs on without a way out`
  }

  return {
    cut(target, cut) {
      const { policy, trigger, reason } = cut
      return inTurn(target.id, async () => {
        if (target.isEnded || (target.isCut && policy === 'cutoff')) return false
        let isClosed = false
        const steps = () => {
          isClosed = true
          return close(target, cut)
        }
        try {
          await perform({ bottleId: target.id, action: policy, trigger, reason }, steps)
        } catch (error) {
          if (!isClosed) await close(target, cut)
          throw error
        }
        return true
      })
    },

    restore(target, reason) {
      return inTurn(target.id, async () => {
        if (target.isEnded || !target.isCut) return false
        await perform({ bottleId: target.id, action: 'restore', trigger: 'operator', reason }, async () => {
          await target.reopen()
          return 'routes are open again'
        })
        return true
      })
    },

    async finishInterrupted(describe) {
      for (const entry of await ledger.openEnforcements()) {
        const detail = await describe(entry)
        await ledger.endEnforcement({ enforcementId: entry.enforcementId, outcome: 'done', detail, nowMs: nowMs() })
        onEntry({ ...entry, reason: entry.detail, phase: 'done', detail, atMs: nowMs() })
      }
    },
  }
}

interface Enforcement {
  readonly bottleId: string
  readonly action: EnforcementAction
  readonly trigger: EnforcementTrigger
  readonly reason: string
}
