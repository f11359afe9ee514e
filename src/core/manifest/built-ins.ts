/** The agents and bottles that exist without any file: one of each for every built-in provider, of its name. */
import type { Provider } from '../provider/provider.ts'
import { builtInProviders } from '../provider/providers.ts'
import { type AgentDefinition, builtIn, builtInOrigin, type EffectiveBottle } from './definition.ts'

export const builtInAgents: ReadonlyMap<string, AgentDefinition> = new Map(
  builtInProviders.map(({ name }) => [name, agentOf(name)]),
)

export const builtInBottles: ReadonlyMap<string, EffectiveBottle> = new Map(
  builtInProviders.map((provider) => [provider.name, bottleOf(provider)]),
)

/** A program without a provider and without routes: what `run` gets where no bottle is named. */
export const emptyBottle: EffectiveBottle = {
  names: [],
  scopes: [],
  env: new Map(),
  providers: [],
  git: { repositories: new Map() },
  egress: { routes: [] },
}

function agentOf(name: string): AgentDefinition {
  return { name, origin: builtInOrigin, bottle: builtIn(name), prompt: '', budgets: [] }
}

function bottleOf(provider: Provider): EffectiveBottle {
  const { name } = provider
  return { ...emptyBottle, names: [name], scopes: [{ name, budgets: [] }], providers: [builtIn(provider)] }
}
