/** From what a client asks to what a start needs; everything that can be wrong is found here, before anything is opened. */
import { realpath } from 'node:fs/promises'
import type { BudgetLimit } from '../core/budget/limit.ts'
import { BottleError } from '../core/errors.ts'
import { builtInAgents, builtInBottles } from '../core/manifest/built-ins.ts'
import {
  type AgentDefinition,
  type EffectiveBottle,
  problemInWords,
  type ShutdownPolicy,
} from '../core/manifest/definition.ts'
import { resolveBottle } from '../core/manifest/resolve-bottle.ts'
import type { Provider } from '../core/provider/provider.ts'
import { environmentNamesOf, readCredential } from '../host/secrets.ts'
import type { CutPolicy } from '../ledger/ledger.ts'
import { isWithin } from '../sandbox/path-within.ts'
import type { Plan, PlanRequest, StartRequest } from './api.ts'

export function planFor(request: PlanRequest): Plan {
  const { agent, bottle } = definitionsOf(request)
  const providers = providersOf(bottle)
  const program = providers[0]?.program
  return {
    definitions: bottle.names,
    providers: providers.map(({ name }) => name),
    command: agent ? (agent.command?.value ?? program?.command ?? null) : null,
    installHint: agent ? (program?.installHint ?? null) : null,
    environmentNames: [...new Set(providers.flatMap((provider) => environmentNamesOf(provider)))],
  }
}

export interface Definitions {
  /** Absent for `run`. */
  readonly agent: AgentDefinition | undefined
  readonly bottle: EffectiveBottle
}

/** Those asked for; else the agent's own. A plain `run` without any has no route at all. */
export function definitionsOf({ agent: name, definitions }: PlanRequest): Definitions {
  const agent = name === null ? undefined : named(builtInAgents, name, 'agent')
  const own = agent?.bottle === undefined ? [] : [agent.bottle.value]
  const names = definitions.length > 0 ? [...new Set(definitions)] : own
  for (const bottle of names) named(builtInBottles, bottle, 'bottle')
  const resolved = resolveBottle({ names, files: new Map(), known: [...builtInBottles.keys()] })
  if (resolved.kind === 'bottle') return { agent, bottle: resolved.bottle }
  throw new BottleError('usage', resolved.problems.map(problemInWords).join('\n'))
}

function named<Item>(items: ReadonlyMap<string, Item>, name: string, what: string): Item {
  const found = items.get(name)
  if (found) return found
  throw new BottleError('not_found', `there is no ${what} named "${name}"`, {
    hint: `Known ${what}s: ${[...items.keys()].join(', ')}.`,
  })
}

export function providersOf({ providers }: EffectiveBottle): readonly Provider[] {
  return providers.map(({ value }) => value)
}

/** Throws BottleError `usage` for a policy that this version cannot perform. */
export function servedPolicy(policy: ShutdownPolicy): CutPolicy {
  if (policy !== 'freeze') return policy
  throw new BottleError('usage', 'shutdown: this version cannot freeze a bottle', {
    hint: 'Write cutoff or kill, or start with --shutdown cutoff.',
  })
}

export function credentialsFor(
  providers: readonly Provider[],
  { hostEnvironment }: Pick<StartRequest, 'hostEnvironment'>,
): ReadonlyMap<string, string> {
  return new Map(providers.map((provider) => [provider.name, readCredential(provider, hostEnvironment)]))
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
