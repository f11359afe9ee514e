/** What an agent and a bottle definition say. Until manifests are read from files, only the built-in ones exist. */
import { BottleError } from '../errors.ts'
import type { Provider } from '../provider/provider.ts'
import { builtInProviders } from '../provider/providers.ts'

export interface BottleDefinition {
  readonly name: string
  readonly provider: Provider
}

export interface AgentDefinition {
  readonly name: string
  /** The bottle definition that it runs in. */
  readonly bottle: string
  /** Its program, to be found on the user's PATH, and fixed arguments. */
  readonly command: readonly [string, ...string[]]
  /** How to install the program, as a sentence. */
  readonly installHint: string
}

const agents: readonly AgentDefinition[] = [
  {
    name: 'claude',
    bottle: 'claude',
    command: ['claude'],
    installHint: 'Install Claude Code: npm install --global @anthropic-ai/claude-code',
  },
  {
    name: 'codex',
    bottle: 'codex',
    command: ['codex'],
    installHint: 'Install Codex: npm install --global @openai/codex',
  },
]

/** Every provider has a bottle of its own name. */
const bottles: readonly BottleDefinition[] = builtInProviders.map((provider) => ({ name: provider.name, provider }))

export function agentNamed(name: string): AgentDefinition {
  return named(agents, name, 'agent')
}

/** The definitions of a bottle, in the order given, each once. */
export function bottlesNamed(names: readonly string[]): readonly BottleDefinition[] {
  return [...new Set(names)].map((name) => named(bottles, name, 'bottle'))
}

function named<Item extends { readonly name: string }>(items: readonly Item[], name: string, what: string): Item {
  const found = items.find((item) => item.name === name)
  if (found) return found
  throw new BottleError('not_found', `there is no ${what} named "${name}"`, {
    hint: `Known ${what}s: ${items.map((item) => item.name).join(', ')}.`,
  })
}
