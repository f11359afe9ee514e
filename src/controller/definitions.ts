/** From names to what a bottle is made of: the agent and the merged bottle that a start asks for, and what they mean for it. */
import { BottleError } from '../core/errors.ts'
import { emptyBottle } from '../core/manifest/built-ins.ts'
import { unusedBudgets } from '../core/manifest/check-whole.ts'
import {
  type AgentDefinition,
  type EffectiveBottle,
  problemInWords,
  type ShutdownPolicy,
  type Sourced,
} from '../core/manifest/definition.ts'
import { forAgent } from '../core/manifest/for-agent.ts'
import type { AgentProgram, Provider } from '../core/provider/provider.ts'
import { isOfProject, loadAgent, loadBottle } from '../host/manifests/load.ts'
import { ignoredBottlesNotice, type ManifestPlaces, refuseStaleConfiguration } from '../host/manifests/places.ts'
import type { CutPolicy } from '../ledger/ledger.ts'
import type { PlanRequest, StartRequest } from './api.ts'

export interface Definitions {
  /** Absent for `run`. */
  readonly agent: AgentDefinition | undefined
  readonly bottle: EffectiveBottle
  /** What the user should know before the start, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * The bottles asked for; else the agent's own. A plain `run` without any has no route at all.
 * Throws BottleError `not_found`, `manifest_invalid`, or `usage` for an agent without a bottle.
 */
export async function definitionsFor(
  { agent: name, definitions, projectPath }: PlanRequest,
  home: string,
): Promise<Definitions> {
  const places: ManifestPlaces = { home, projectPath }
  await refuseStaleConfiguration(places)
  const agent = name === null ? undefined : await loadAgent(name, places)
  const own = definitions.length > 0 ? undefined : bottleOf(agent)
  const names = own ? [own.value] : [...new Set(definitions)]
  const merged = names.length === 0 ? emptyBottle : await loadBottle(names, places, own?.origin)
  const bottle = agent ? forAgent(merged, agent) : merged
  const ignored = await ignoredBottlesNotice(places)
  return { agent, bottle, notices: [...(ignored === undefined ? [] : [ignored]), ...noticesOf(agent, bottle)] }
}

function bottleOf(agent: AgentDefinition | undefined): Sourced<string> | undefined {
  if (!agent || agent.bottle) return agent?.bottle
  throw new BottleError('usage', `the agent "${agent.name}" names no bottle, and none is asked for`, {
    hint: `Write "bottle: NAME" in ${agent.origin.file}, or give --bottle NAME.`,
  })
}

function noticesOf(agent: AgentDefinition | undefined, bottle: EffectiveBottle): readonly string[] {
  const notices: string[] = []
  if (agent && isOfProject(agent.origin)) {
    notices.push(
      `the agent "${agent.name}" is the project's own (${agent.origin.file}), in bottle ${bottle.names.join(', ')}`,
    )
  }
  // An error only in a bottle of its own: another bottle that is asked for may well use another provider.
  if (agent) notices.push(...unusedBudgets(agent.budgets, bottle).map(problemInWords))
  const [repository] = bottle.git.repositories.values()
  if (repository) notices.push(notServed('git-gate.repos', repository, 'those repositories cannot be reached'))
  if (bottle.supervise?.value) notices.push(notServed('supervise', bottle.supervise, 'nobody is asked'))
  return notices
}

function notServed(key: string, { origin }: Sourced<unknown>, consequence: string): string {
  return `${origin.file}:${origin.line}: ${key} is not served by this version; ${consequence}`
}

export function providersOf({ providers }: EffectiveBottle): readonly Provider[] {
  return providers.map(({ value }) => value)
}

/** The program of an agent: its own, or that of the bottle's first provider. Throws BottleError `usage` for neither. */
export function programOf({ name, command, origin }: AgentDefinition, bottle: EffectiveBottle): AgentProgram {
  const program = providersOf(bottle)[0]?.program
  const words = command?.value ?? program?.command
  if (words) return { installHint: '', prompt: { kind: 'none' }, continueArguments: [], ...program, command: words }
  throw new BottleError('usage', `the agent "${name}" has no program: its bottle's provider brings none`, {
    hint: `Write "command: [PROGRAM, …]" in ${origin.file}.`,
  })
}

/** How the prompt reaches the program. */
export interface PromptParts {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly homeFiles: Readonly<Record<string, string>>
}

export function promptParts({ agent, bottle }: Pick<Definitions, 'agent' | 'bottle'>): PromptParts {
  const none: PromptParts = { args: [], env: {}, homeFiles: {} }
  if (!agent || agent.prompt === '') return none
  const { prompt } = programOf(agent, bottle)
  switch (prompt.kind) {
    case 'argument':
      refuseLongWord(agent)
      return { ...none, args: [prompt.flag, agent.prompt] }
    case 'home_file':
      return { ...none, homeFiles: { [prompt.path]: `${agent.prompt}\n` } }
    case 'environment':
      refuseLongWord(agent)
      return { ...none, env: { [prompt.name]: agent.prompt } }
    case 'none':
      throw new BottleError('usage', `the agent "${agent.name}" has a prompt, but its program takes none`, {
        hint: `Say how in the bottle's agent_provider (prompt: …), or empty the body of ${agent.origin.file}.`,
      })
  }
}

/** Linux gives a program no longer word (MAX_ARG_STRLEN, less a variable's name and the NUL). */
const maxWordBytes = 128 * 1024 - 256

function refuseLongWord({ name, prompt, origin }: AgentDefinition): void {
  const bytes = Buffer.byteLength(prompt)
  if (bytes <= maxWordBytes) return
  throw new BottleError(
    'usage',
    `the prompt of "${name}" has ${bytes} bytes, and its program can be given ${maxWordBytes}`,
    {
      hint: `Shorten the body of ${origin.file}: what is long goes into a file of the project that the prompt names.`,
    },
  )
}

/**
 * The most specific policy that is said; `asked` is that of the command. Throws BottleError `usage` for `freeze` where nothing is
 * contained: what such a bottle wrote is anywhere.
 */
export function policyOf(
  { policy: asked, sandbox }: Pick<StartRequest, 'policy' | 'sandbox'>,
  { agent, bottle }: Pick<Definitions, 'agent' | 'bottle'>,
  fallback: ShutdownPolicy,
): CutPolicy {
  const policy = asked ?? (agent?.shutdown ?? bottle.shutdown)?.value ?? fallback
  if (policy !== 'freeze' || sandbox !== 'none') return policy
  throw new BottleError('usage', 'a bottle that is not contained cannot be frozen', {
    hint: 'Start it with --shutdown cutoff or --shutdown kill.',
  })
}

/** The variables that the definitions set. Throws BottleError `usage` for a question without an answer in `given`. */
export function environmentOf(
  { env }: EffectiveBottle,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {}
  for (const [name, { value, origin }] of env) {
    if (value.kind === 'text') variables[name] = value.text
    else if (given[name] === undefined) {
      throw new BottleError(
        'usage',
        `${name} is asked for at start (${origin.file}:${origin.line}), and was not answered`,
        {
          hint: `Answer in a terminal, or give it with --env ${name}.`,
        },
      )
    }
  }
  return { ...variables, ...given }
}
