/** From what a client asks to what a start needs; everything that can be wrong is found here, before anything is opened. */
import { realpath } from 'node:fs/promises'
import type { BudgetLimit } from '../core/budget/limit.ts'
import { BottleError } from '../core/errors.ts'
import type { EffectiveBottle } from '../core/manifest/definition.ts'
import type { Provider } from '../core/provider/provider.ts'
import { isWithin } from '../sandbox/path-within.ts'
import type { Plan, Question, ResumePlan, StartRequest } from './api.ts'
import { environmentNeeds } from './credentials.ts'
import { type Definitions, programOf, promptParts, providersOf } from './definitions.ts'
import type { KeptStart } from './freezing.ts'

export function planFor(definitions: Definitions): Plan {
  const { agent, bottle, notices } = definitions
  const providers = providersOf(bottle)
  const program = agent && programOf(agent, bottle)
  return {
    definitions: bottle.names,
    providers: providers.map(({ name }) => name),
    command: program ? [...program.command, ...promptParts(definitions).args] : null,
    installHint: program?.installHint || null,
    ...environmentNeeds(bottle),
    questions: questionsOf(bottle),
    notices,
  }
}

/** Of a frozen bottle: what was answered at its start is kept. */
export function resumePlanFor(definitions: Definitions, kept: KeptStart): ResumePlan {
  const { agent, bottle } = definitions
  const plan = planFor(definitions)
  const continueArguments = agent ? programOf(agent, bottle).continueArguments : []
  return { ...plan, command: plan.command ?? kept.command, questions: [], continueArguments }
}

function questionsOf({ env }: EffectiveBottle): readonly Question[] {
  return [...env].flatMap(([name, { value }]) =>
    value.kind === 'ask' ? [{ name, message: value.message, isSecret: value.isSecret }] : [],
  )
}

/** A budget for a provider that the bottle cannot reach would never hold anything: surely a slip. */
export function refuseForeignBudgets(budgets: readonly BudgetLimit[], providers: readonly Provider[]): void {
  const names = providers.map(({ name }) => name)
  const foreign = budgets.find(({ provider }) => !names.includes(provider))
  if (!foreign) return
  throw new BottleError(
    'usage',
    `a budget is given for provider "${foreign.provider}", which this bottle does not use`,
    {
      hint: names.length > 0 ? `It uses: ${names.join(', ')}.` : 'It uses none; choose a bottle with --bottle.',
    },
  )
}

/** Safety: a bottle that can write bot-bottle's own files would set its own budget, or read what other bottles left. */
export async function refuseOwnFiles(home: string, { workspace, readOnlyPaths }: StartRequest): Promise<void> {
  const paths = workspace.kind === 'none' ? readOnlyPaths : [workspace.path, ...readOnlyPaths]
  for (const path of paths) {
    const [inside, own] = [await realpath(path).catch(() => path), await realpath(home)]
    if (!isWithin(inside, own) && !isWithin(own, inside)) continue
    throw new BottleError('usage', `${path} overlaps with bot-bottle's own files in ${home}`, {
      hint: 'Choose another directory, or --workspace none.',
    })
  }
}
