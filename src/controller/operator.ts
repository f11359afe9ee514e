/** What operators do to bottles: cut them off, freeze, kill and restore them. Policies of budgets take the same path (E09). */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { plainBudget } from '../core/budget/defined-budget.ts'
import { cutReason, operatorCutMessage, operatorFreezeMessage, operatorKillMessage } from '../core/budget/wording.ts'
import { BottleError } from '../core/errors.ts'
import type { Enforcer } from '../enforce/enforcer.ts'
import type { CutPolicy, EnforcementTrigger, Ledger } from '../ledger/ledger.ts'
import type { BottleView, EnforcementResult, RestoreRequest } from './api.ts'
import type { BudgetBook } from './budget-book.ts'
import { removeDirectory } from './instance-directory.ts'
import type { LiveBottle } from './live-bottle.ts'
import { refuseWithoutRoom } from './restore-room.ts'
import { refuseForeignBudgets } from './start-plan.ts'

export interface Cut {
  readonly policy: CutPolicy
  readonly trigger: EnforcementTrigger
  /** For the client of an exchange that it ends. */
  readonly message: string
}

export interface OperatorOptions {
  readonly ledger: Ledger
  readonly enforcer: Enforcer
  readonly living: Map<string, LiveBottle>
  readonly budgets: BudgetBook
  readonly instancesPath: string
  readonly nowMs: () => number
  readSettingsAgain(): Promise<void>
  limitsChanged(): Promise<void>
  announce(id: string): void
  view(id: string): Promise<BottleView>
}

/** Each rejects with BottleError `not_found` for an id that no bottle has, `conflict` for a bottle in the wrong state. */
export interface Operator {
  /** True when something was done. */
  cut(bottle: LiveBottle, cut: Cut): Promise<boolean>
  cutoff(id: string): Promise<EnforcementResult>
  freeze(id: string): Promise<EnforcementResult>
  kill(id: string): Promise<EnforcementResult>
  restore(id: string, request: RestoreRequest): Promise<EnforcementResult>
  livingBottle(id: string): Promise<LiveBottle>
}

const askedFor = 'asked for by the operator'

export function createOperator(options: OperatorOptions): Operator {
  const { ledger, enforcer, living, budgets, instancesPath, nowMs, announce, view } = options

  const cut = async (bottle: LiveBottle, { message, ...order }: Cut) => {
    try {
      const changed = await enforcer.cut(bottle, { ...order, message, reason: cutReason(message) })
      if (changed) announce(bottle.id)
      return changed
    } finally {
      if (bottle.isEnded) living.delete(bottle.id)
    }
  }
  const order = async (bottle: LiveBottle, policy: CutPolicy, message: string): Promise<EnforcementResult> => {
    const changed = await cut(bottle, { policy, trigger: 'operator', message })
    return { bottle: await view(bottle.id), changed }
  }

  const livingBottle = async (id: string): Promise<LiveBottle> => {
    const bottle = living.get(id)
    if (bottle) return bottle
    const { state } = await view(id)
    throw new BottleError('conflict', `bottle "${id}" is not running: it is ${state}`, {
      hint: 'List the running ones with: bot-bottle ps',
    })
  }

  /** In its turn: a resume that came first is over, and may have made a living bottle of it. */
  const killKept = async (id: string): Promise<void> => {
    const { state } = await view(id)
    if (living.has(id)) {
      await living.get(id)?.kill()
      living.delete(id)
    } else if (state === 'frozen') {
      await removeKept(join(instancesPath, id))
      await ledger.updateBottle(id, { state: 'killed', endedAtMs: nowMs() })
    } else if (state === 'starting') {
      throw new BottleError('conflict', `bottle "${id}" is being started`, { hint: 'Ask again in a moment.' })
    }
  }

  return {
    cut,
    livingBottle,

    cutoff: async (id) => order(await livingBottle(id), 'cutoff', operatorCutMessage),

    async freeze(id) {
      const bottle = living.get(id)
      if (bottle) return order(bottle, 'freeze', operatorFreezeMessage)
      const found = await view(id)
      if (found.state === 'frozen') return { bottle: found, changed: false }
      return order(await livingBottle(id), 'freeze', operatorFreezeMessage)
    },

    async kill(id) {
      const bottle = living.get(id)
      if (bottle) return order(bottle, 'kill', operatorKillMessage)
      const { state } = await view(id)
      if (state !== 'frozen' && state !== 'starting') {
        return { bottle: await view(id), changed: await removeKept(join(instancesPath, id)) }
      }
      const asked = { action: 'kill', trigger: 'operator', reason: askedFor, outcome: 'nothing of it is kept' } as const
      await enforcer.inTurn({ bottleId: id, ...asked }, () => killKept(id))
      announce(id)
      return { bottle: await view(id), changed: true }
    },

    async restore(id, { budgets: limits }) {
      const bottle = await livingBottle(id)
      refuseForeignBudgets(limits, bottle.providers)
      await options.readSettingsAgain()
      await budgets.override({ kind: 'run', name: id }, limits.map(plainBudget))
      await options.limitsChanged()
      refuseWithoutRoom('restore', await view(id))
      const changed = await enforcer.restore(bottle, askedFor)
      if (changed) announce(id)
      return { bottle: await view(id), changed }
    },
  }
}

async function removeKept(directory: string): Promise<boolean> {
  const isThere = await stat(directory).then(
    () => true,
    () => false,
  )
  if (isThere) await removeDirectory(directory)
  return isThere
}
