/** The agents and bottles that exist without any file: one of each for every built-in provider, of its name. */
import { builtInProviders } from '../provider/providers.ts'
import { type AgentDefinition, type BottleFile, builtIn, builtInOrigin, type EffectiveBottle } from './definition.ts'

export const builtInAgents: ReadonlyMap<string, AgentDefinition> = new Map(
  builtInProviders.map(({ name }) => [name, agentOf(name)]),
)

export const builtInBottles: ReadonlyMap<string, BottleFile> = new Map(
  builtInProviders.map(({ name }) => [name, bottleOf(name)]),
)

/** A program without a provider and without routes: what `run` gets where no bottle is named. */
export const emptyBottle: EffectiveBottle = {
  names: [],
  scopes: [],
  env: new Map(),
  providers: [],
  git: { repositories: new Map() },
  egress: { routes: [] },
  limits: {},
}

function agentOf(name: string): AgentDefinition {
  return { name, origin: builtInOrigin, bottle: builtIn(name), prompt: '', budgets: [] }
}

function bottleOf(name: string): BottleFile {
  return {
    name,
    origin: builtInOrigin,
    extends: [],
    env: new Map(),
    providers: [builtIn({ name })],
    git: {},
    egress: { routes: [] },
    limits: {},
    budgets: [],
  }
}
