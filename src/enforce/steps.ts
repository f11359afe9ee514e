/**
 * What each enforcement consists of, in order.
 *
 * **Invariant** Every step may be taken again: after a crash nobody knows how far the last one came.
 */
import type { EnforcementAction, EnforcementTrigger } from '../ledger/ledger.ts'

/** A bottle as enforcement sees it: one that lives, or what a dead controller left of it. */
export interface EnforcementTarget {
  readonly id: string
  readonly isCut: boolean
  readonly isEnded: boolean
  /** Refuses every new exchange from now on. At once, in memory. */
  refuse(message: string): void
  /** The same, and ends what is open; resolves when nothing flows and all is settled. */
  close(message: string): Promise<{ readonly endedExchanges: number }>
  reopen(): Promise<void>
  /** Ends every process and removes what the bottle kept. */
  kill(): Promise<void>
  /** Ends every process of a bottle whose time is over; what it changed stays. */
  timeOut(): Promise<void>
  /** Stops every process. */
  pause(): Promise<void>
  /** Keeps what a paused bottle wrote, durably; resolves to what was kept, as a sentence. */
  snapshot(): Promise<string>
  /** Ends every process of a bottle whose snapshot is kept, and seals that. */
  seal(): Promise<void>
}

export interface Step {
  /** Under which the audit keeps it. */
  readonly name: string
  /**
   * How long the next step waits for this one, which it can do without. Absent: it needs this one, and is not taken when this one
   * fails.
   */
  readonly waitMs?: number
  /** Resolves to what came of it, as a sentence for the audit. */
  take(target: EnforcementTarget, message: string): Promise<string>
}

/** A client that reads slowly, or a ledger that hangs, keeps its exchange open for seconds: no reason to let a program live. */
const closeWaitMs = 250

const close: Step = {
  name: 'close',
  waitMs: closeWaitMs,
  async take(target, message) {
    const { endedExchanges } = await target.close(message)
    return `${endedExchanges} open ${endedExchanges === 1 ? 'exchange' : 'exchanges'} ended`
  },
}

const end: Step = {
  name: 'end',
  async take(target) {
    await target.kill()
    return 'every process ended'
  },
}

const timeOut: Step = {
  name: 'end',
  async take(target) {
    await target.timeOut()
    return 'every process ended, and what it changed is kept'
  },
}

const reopen: Step = {
  name: 'reopen',
  async take(target) {
    await target.reopen()
    return 'routes are open again'
  },
}

/** Also the cut of one that does not stop goes on; its snapshot does not. */
const pauseWaitMs = 250

const pause: Step = {
  name: 'pause',
  waitMs: pauseWaitMs,
  async take(target) {
    await target.pause()
    return 'every process stopped'
  },
}

const snapshot: Step = { name: 'snapshot', take: (target) => target.snapshot() }

const seal: Step = {
  name: 'seal',
  async take({ id, seal }) {
    await seal()
    return `frozen; bot-bottle resume ${id} goes on`
  },
}

export function stepsOf(action: EnforcementAction, trigger: EnforcementTrigger): readonly Step[] {
  return action === 'kill' && trigger === 'timeout' ? [close, timeOut] : stepsOfActions[action]
}

const stepsOfActions: Readonly<Record<EnforcementAction, readonly Step[]>> = {
  cutoff: [close],
  // Stopped first: a program that sees its streams end may end too. What fails before the last step leaves the bottle cut and paused:
  // nothing is ended that was not kept.
  freeze: [pause, close, snapshot, seal],
  kill: [close, end],
  restore: [reopen],
  // One that a crash interrupted is frozen still: whoever asked for it asks again.
  resume: [],
  restart: [],
}
