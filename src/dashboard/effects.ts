/** Everything that the dashboard asks of the controller. What fails is told; nothing is thrown. */
import type { ControllerClient } from '../controller/client.ts'
import { BottleError, messageOf } from '../core/errors.ts'
import { lastLines } from './last-lines.ts'
import { maxDetailRows } from './model/detail-events.ts'
import type { Effect, List, Message } from './model/state.ts'

export interface EffectsOptions {
  readonly home: string
  /** The controller that is heard now; undefined while none is. */
  client(): ControllerClient | undefined
  tell(message: Message): void
  copy(text: string): void
  quit(): void
  /** In the background. Resolves with what is said of it; rejects with why it could not be. */
  resume(id: string): Promise<string>
}

const maxAuditEntries = 500

export function createEffects({ home, client, tell, copy, quit, resume }: EffectsOptions): (effect: Effect) => void {
  const attempt = async (what: (controller: ControllerClient) => Promise<Message | undefined>) => {
    const controller = client()
    if (!controller) return tell({ kind: 'told', text: 'The controller is not heard; nothing was done.', tone: 'bad' })
    try {
      const message = await what(controller)
      if (message) tell(message)
    } catch (error) {
      tell({ kind: 'told', text: failureInWords(error), tone: 'bad' })
    }
  }

  const read: Readonly<Record<List, (controller: ControllerClient) => Promise<Message>>> = {
    bottles: async (controller) => ({ kind: 'bottles', bottles: await controller.bottles() }),
    budgets: async (controller) => ({ kind: 'budgets', budgets: await controller.budgets() }),
    audit: async (controller) => ({ kind: 'audit', audit: await controller.audit({ limit: maxAuditEntries }) }),
  }
  /** Of the lists that are being read, whether they are to be read once more. */
  const reading = new Map<List, boolean>()
  const load = async (list: List): Promise<void> => {
    if (reading.has(list)) return void reading.set(list, true)
    do {
      reading.set(list, false)
      await attempt(read[list])
    } while (reading.get(list))
    reading.delete(list)
  }

  return (effect) => {
    switch (effect.kind) {
      case 'load':
        void load(effect.list)
        break
      case 'load_detail':
        void attempt((controller) => readDetail(controller, home, effect))
        break
      case 'act':
        void attempt((controller) => act(controller, effect))
        break
      case 'resume':
        void attempt(async () => ({ kind: 'told', text: await resume(effect.id), tone: 'good' }))
        break
      case 'raise':
        void attempt((controller) => raise(controller, effect))
        break
      case 'copy':
        copy(effect.text)
        break
      case 'quit':
        quit()
        break
    }
  }
}

async function readDetail(
  controller: ControllerClient,
  home: string,
  { id, section }: Extract<Effect, { kind: 'load_detail' }>,
): Promise<Message> {
  const filter = { bottle: id, limit: maxDetailRows }
  switch (section) {
    case 'exchanges':
      return { kind: 'detail', id, part: { exchanges: await controller.exchanges(filter) } }
    case 'routes':
      return { kind: 'detail', id, part: { routes: await controller.egress(id) } }
    case 'denials':
      return { kind: 'detail', id, part: { denials: await controller.denials(filter) } }
    case 'processes':
      return { kind: 'detail', id, part: { processes: await controller.processes(id) } }
    case 'log':
      return { kind: 'detail', id, part: { log: await lastLines(home, id) } }
    case 'audit':
      return { kind: 'detail', id, part: { audit: await controller.audit(filter) } }
  }
}

const done = { cutoff: 'is cut off', restore: 'is open again', freeze: 'is frozen', kill: 'is gone' } as const
const before = {
  cutoff: 'was cut off already',
  restore: 'was open already',
  freeze: 'was frozen already',
  kill: 'had ended already',
} as const

async function act(controller: ControllerClient, { action, id }: Extract<Effect, { kind: 'act' }>): Promise<Message> {
  const perform = {
    cutoff: () => controller.cutoff(id),
    restore: () => controller.restore(id, { budgets: [] }),
    freeze: () => controller.freeze(id),
    kill: () => controller.kill(id),
  }[action]
  const { changed } = await perform()
  return { kind: 'told', text: `${id} ${(changed ? done : before)[action]}.`, tone: 'good' }
}

async function raise(
  controller: ControllerClient,
  { choice: { scope, provider, period, always }, limitTokens }: Extract<Effect, { kind: 'raise' }>,
): Promise<Message> {
  await controller.changeBudget({ scope, provider, budget: { limitTokens, period, always } })
  const text = `The ${provider} budget of ${scope} is ${limitTokens} tokens now; r restores what was cut off.`
  return { kind: 'told', text, tone: 'good' }
}

function failureInWords(error: unknown): string {
  const hint = error instanceof BottleError && error.hint !== undefined ? ` ${error.hint}` : ''
  return `${messageOf(error)}.${hint}`
}
