/**
 * Performs cuts and their reversal, for a spent budget and for an operator alike: intent → steps → outcome, each in the audit.
 *
 * **Invariant** (I8) The intent is durable before a step is taken; a cut is done once, whoever asks at the same time; what a crash
 * left open is finished at the next start. New exchanges are refused before: that is only in memory.
 * **Invariant** (I9) A ledger that fails or hangs stops no cut: it is performed unrecorded, and told. A restore waits for it.
 */
import { BottleError, messageOf } from '../core/errors.ts'
import type {
  AuditEntry,
  CutPolicy,
  EnforcementAction,
  EnforcementTrigger,
  Ledger,
  OpenEnforcement,
} from '../ledger/ledger.ts'
import { type EnforcementTarget, type Step, stepsOf } from './steps.ts'

export interface Cut {
  readonly policy: CutPolicy
  readonly trigger: EnforcementTrigger
  /** For the audit: one sentence. */
  readonly reason: string
  /** What clients in the bottle are told. */
  readonly message: string
}

/** `reason`: that of the intent. */
export type EnforcementEntry = Omit<AuditEntry, 'sequence' | 'phase' | 'step'> & {
  readonly action: EnforcementAction
  readonly trigger: EnforcementTrigger
  readonly phase: 'intent' | 'done' | 'failed'
  readonly reason: string
}

export interface AskedInTurn {
  readonly bottleId: string
  readonly action: EnforcementAction
  readonly trigger: EnforcementTrigger
  /** For the audit, each one sentence. */
  readonly reason: string
  readonly outcome: string
}

export interface EnforcerOptions {
  readonly ledger: Pick<Ledger, 'beginEnforcement' | 'recordStep' | 'endEnforcement'>
  readonly nowMs: () => number
  readonly newId: () => string
  /** Told of intents and outcomes. */
  onEntry(entry: EnforcementEntry): void
}

export interface Enforcer {
  /** False when there was nothing left to do. */
  cut(target: EnforcementTarget, cut: Cut): Promise<boolean>
  restore(target: EnforcementTarget, reason: string): Promise<boolean>
  /** Does what is wanted of a bottle that no steps are for, after all that was asked of it before, and records it. */
  inTurn<Result>(asked: AskedInTurn, work: () => Promise<Result>): Promise<Result>
  /** Takes the steps that an earlier controller did not, and writes the outcome. */
  finish(open: OpenEnforcement, target: EnforcementTarget): Promise<void>
  /** Waits for what is under way, whether it succeeds or not; false when that takes longer. */
  settle(waitMs: number): Promise<boolean>
}

/** The ledger answers in a millisecond or two; a cut that waited longer for its intent closes first what flows. */
const intentWaitMs = 50
/** A cut that a ledger keeps from its outcome must not keep the next one from being performed. */
const turnWaitMs = 500

export function createEnforcer({ ledger, nowMs, newId, onEntry }: EnforcerOptions): Enforcer {
  /** What was asked last of each bottle; the next one waits for it. */
  const last = new Map<string, Promise<unknown>>()
  const underWay = new Set<Promise<unknown>>()
  /** The strongest cut of each bottle that was asked for and is not over. */
  const strongest = new Map<string, CutPolicy>()
  /** What is under way for each bottle. */
  const performing = new Map<string, Progress>()

  /** Tells what is still under way that something else has begun. */
  async function asNext<Result>(id: string, work: (progress: Progress) => Promise<Result>): Promise<Result> {
    const overtaken = performing.get(id)
    if (overtaken) overtaken.isOvertaken = true
    const progress = { isOvertaken: false }
    performing.set(id, progress)
    try {
      return await work(progress)
    } finally {
      if (performing.get(id) === progress) performing.delete(id)
    }
  }

  function inTurn<Result>(id: string, waitMs: number, action: () => Promise<Result>): Promise<Result> {
    const turn = within(last.get(id) ?? Promise.resolve(), waitMs).then(action)
    last.set(id, turn)
    underWay.add(turn)
    const forget = () => {
      underWay.delete(turn)
      if (last.get(id) !== turn) return
      last.delete(id)
      strongest.delete(id)
    }
    turn.then(forget, forget)
    return turn
  }

  async function begin(entry: Entry): Promise<void> {
    const intent = { ...entry, nowMs: nowMs() }
    let begun = await ledger.beginEnforcement(intent)
    if (begun.kind === 'open') {
      const detail = 'it was not over when the next one began'
      await ledger.endEnforcement({ enforcementId: begun.enforcementId, outcome: 'failed', detail, nowMs: nowMs() })
      begun = await ledger.beginEnforcement(intent)
      if (begun.kind === 'open') throw new Error(`enforcement ${begun.enforcementId} has no outcome yet`)
    }
    onEntry({ ...entry, phase: 'intent', detail: entry.reason, atMs: nowMs() })
  }

  /** Takes one step and records it once the intent is written. */
  async function take(step: Step, { entry, intent, target, message }: Performance): Promise<string> {
    const detail = await step.take(target, message)
    await intent
    await ledger.recordStep({ enforcementId: entry.enforcementId, step: step.name, detail, nowMs: nowMs() })
    return detail
  }

  /** All steps that are left; what came of them, when all are taken. */
  async function takeAll(steps: readonly Step[], performance: Performance): Promise<readonly string[]> {
    const taken: Promise<string>[] = []
    for (const step of steps) {
      const one = take(step, performance)
      taken.push(one)
      if (step.waitMs !== undefined) await within(one, step.waitMs)
      else if (await hasFailed(one)) break
    }
    return Promise.all(taken)
  }

  function endOf(entry: Entry) {
    return async (outcome: 'done' | 'failed', detail: string) => {
      await ledger.endEnforcement({ enforcementId: entry.enforcementId, outcome, detail, nowMs: nowMs() })
      onEntry({ ...entry, phase: outcome, detail, atMs: nowMs() })
    }
  }

  async function conclude(performance: Performance, steps: readonly Step[], remark: string): Promise<void> {
    const { entry, intent } = performance
    const end = endOf(entry)
    try {
      const details = await takeAll(steps, performance)
      await end('done', [...details, ...(remark === '' ? [] : [remark])].join('; '))
    } catch (error) {
      // Without an intent there is nothing that an outcome could belong to.
      await intent
      await end('failed', isMoot(performance) ? mootRemark : messageOf(error))
      throw error
    }
  }

  return {
    cut(target, { policy, trigger, reason, message }) {
      const isOver = () => target.isEnded || (target.isCut && policy === 'cutoff')
      if (!isOver()) target.refuse(message)
      const earlier = strongest.get(target.id)
      const isStronger = earlier === undefined || strength[policy] > strength[earlier]
      if (isStronger) strongest.set(target.id, policy)
      // What the earlier one does is enough: a freeze may take longer than any ledger, and what it charges may ask for it again.
      const waitMs = isStronger ? turnWaitMs : Number.POSITIVE_INFINITY
      return inTurn(target.id, waitMs, async () => {
        if (isOver()) return false
        return asNext(target.id, async (progress) => {
          const entry = { enforcementId: newId(), bottleId: target.id, action: policy, trigger, reason }
          const intent = begin(entry)
          const remark = (await within(intent, intentWaitMs)) ? '' : lateRemark
          const performance = { entry, intent, target, message, progress }
          try {
            await conclude(performance, stepsOf(policy, trigger), remark)
            return true
          } catch (error) {
            if (isMoot(performance)) return false
            throw error
          }
        })
      })
    },

    restore(target, reason) {
      return inTurn(target.id, Number.POSITIVE_INFINITY, async () => {
        if (target.isEnded || !target.isCut) return false
        const own = { action: 'restore', trigger: 'operator', reason } as const
        const entry = { enforcementId: newId(), bottleId: target.id, ...own }
        return asNext(target.id, async (progress) => {
          const intent = begin(entry)
          await intent
          // Safety: a cut does not wait for a restore that hangs, which must not undo it afterwards.
          const steps = progress.isOvertaken ? [giveWay] : stepsOf('restore', 'operator')
          await conclude({ entry, intent, target, message: '', progress }, steps, '')
          return true
        })
      })
    },

    inTurn(asked, work) {
      return inTurn(asked.bottleId, Number.POSITIVE_INFINITY, async () => {
        const entry = { enforcementId: newId(), ...asked }
        await begin(entry)
        const end = endOf(entry)
        try {
          const result = await work()
          await end('done', asked.outcome)
          return result
        } catch (error) {
          await end('failed', messageOf(error))
          throw error
        }
      })
    },

    async finish({ enforcementId, bottleId, action, trigger, detail: reason, doneSteps }, target) {
      const entry = { enforcementId, bottleId, action, trigger, reason }
      const left = stepsOf(action, trigger).filter(({ name }) => !doneSteps.includes(name))
      const progress = { isOvertaken: false }
      await conclude({ entry, intent: Promise.resolve(), target, message: reason, progress }, left, finishedRemark)
    },

    settle: (waitMs) => within(Promise.allSettled(underWay), waitMs),
  }
}

const strength: Readonly<Record<CutPolicy, number>> = { cutoff: 0, freeze: 1, kill: 2 }

const giveWay: Step = {
  name: 'give_way',
  async take({ id }) {
    throw new BottleError('conflict', `${id} was cut again before it could be restored`)
  },
}

const lateRemark = `performed before its intent was written, since the ledger took longer than ${intentWaitMs} ms`
const finishedRemark = 'finished by the next controller'
const mootRemark = 'the bottle was ended before it was over'

interface Progress {
  /** The next one did not wait for its end. */
  isOvertaken: boolean
}

/** A kill takes away what a slow freeze was about to keep. */
function isMoot({ progress, target }: Pick<Performance, 'progress' | 'target'>): boolean {
  return progress.isOvertaken && target.isEnded
}

interface Entry {
  readonly enforcementId: string
  readonly bottleId: string
  readonly action: EnforcementAction
  readonly trigger: EnforcementTrigger
  readonly reason: string
}

interface Performance {
  readonly entry: Entry
  /** Resolves when the intent is durable. */
  readonly intent: Promise<void>
  readonly target: EnforcementTarget
  readonly message: string
  readonly progress: Progress
}

/** False when it takes longer; true also for a failure, which is for others to see. */
async function within(work: Promise<unknown>, waitMs: number): Promise<boolean> {
  const over = hasFailed(work).then(() => true)
  if (waitMs === Number.POSITIVE_INFINITY) return over
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), waitMs)
  return Promise.race([over, late]).finally(() => clearTimeout(timer))
}

function hasFailed(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => false,
    () => true,
  )
}
