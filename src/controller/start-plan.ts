/** From what a client asks to what a start needs; everything that can be wrong is found here, before anything is opened. */
import { realpath } from 'node:fs/promises'
import type { BudgetLimit } from '../core/budget/limit.ts'
import { BottleError } from '../core/errors.ts'
import { agentNamed, type BottleDefinition, bottlesNamed } from '../core/manifest/definitions.ts'
import { environmentNamesOf, readCredential } from '../host/secrets.ts'
import { isWithin } from '../sandbox/path-within.ts'
import type { Plan, PlanRequest, StartRequest } from './api.ts'

export function planFor({ agent, definitions }: PlanRequest): Plan {
  const definition = agent === null ? undefined : agentNamed(agent)
  const bottles = definitionsOf({ agent, definitions })
  return {
    definitions: bottles.map(({ name }) => name),
    providers: bottles.map(({ provider }) => provider.name),
    command: definition?.command ?? null,
    installHint: definition?.installHint ?? null,
    environmentNames: [...new Set(bottles.flatMap(({ provider }) => environmentNamesOf(provider)))],
  }
}

/** Those asked for; else the agent's own. A plain `run` without any has no route at all. */
export function definitionsOf({ agent, definitions }: PlanRequest): readonly BottleDefinition[] {
  if (definitions.length > 0) return bottlesNamed(definitions)
  return agent === null ? [] : bottlesNamed([agentNamed(agent).bottle])
}

export function credentialsFor(
  bottles: readonly BottleDefinition[],
  { hostEnvironment }: Pick<StartRequest, 'hostEnvironment'>,
): ReadonlyMap<string, string> {
  return new Map(bottles.map(({ provider }) => [provider.name, readCredential(provider, hostEnvironment)]))
}

/** A budget for a provider that the bottle cannot reach would never hold anything: surely a slip. */
export function refuseForeignBudgets(budgets: readonly BudgetLimit[], bottles: readonly BottleDefinition[]): void {
  const names = bottles.map(({ provider }) => provider.name)
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
