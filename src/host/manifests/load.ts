/**
 * Loads what one start needs and reads no other file: the agent's, and those of its bottles' chains.
 *
 * Safety: an agent of a project is written by whoever wrote the repository. It says what the agent is; what it may spend
 * is said by the user's own files alone, and under a name that the user knows it stays in the bottle that the user knows: a
 * `claude` of a repository must not start in a richer bottle than `claude` does. Its program is one that the user's PATH knows or that lies in the project: a bottle is
 * shown what its program needs beside it.
 */
import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { didYouMean } from '../../core/did-you-mean.ts'
import { BottleError } from '../../core/errors.ts'
import { quote } from '../../core/manifest/bounded-yaml.ts'
import { builtInAgents } from '../../core/manifest/built-ins.ts'
import {
  type AgentDefinition,
  type BottleFile,
  type EffectiveBottle,
  type Origin,
  type Problem,
  problemInWords,
} from '../../core/manifest/definition.ts'
import { neededDefinitions, type ResolvedBottle, resolveBottle } from '../../core/manifest/resolve-bottle.ts'
import { isBelow } from '../text-file.ts'
import { listDefinitions, type ManifestPlaces } from './places.ts'
import { type InvalidManifest, readAgents, readBottle } from './read.ts'

export type ResolvedAgent = { readonly kind: 'agent'; readonly agent: AgentDefinition } | InvalidManifest

/** Throws BottleError `not_found`, or `manifest_invalid` with one line `FILE:LINE:COLUMN: …` for each problem. */
export async function loadAgent(name: string, places: ManifestPlaces): Promise<AgentDefinition> {
  const resolved = await resolveAgentNamed(name, places)
  if (resolved?.kind === 'agent') return resolved.agent
  throw resolved ? invalidManifest(resolved.problems) : await unknownAgent(name, places)
}

/** Merges these definitions, in order, with all their parents. Throws like `loadAgent`. */
export async function loadBottle(
  names: readonly string[],
  places: ManifestPlaces,
  namedAt?: Origin,
): Promise<EffectiveBottle> {
  const resolved = await resolveBottlesNamed(names, places, namedAt)
  if (resolved.kind === 'bottle') return resolved.bottle
  throw invalidManifest(resolved.problems)
}

/** `undefined`: there is no such agent. */
export async function resolveAgentNamed(name: string, places: ManifestPlaces): Promise<ResolvedAgent | undefined> {
  const [nearest, own] = await readAgents(name, places)
  if (nearest?.kind !== 'agent') {
    const builtIn = nearest ? undefined : builtInAgents.get(name)
    return builtIn ? { kind: 'agent', agent: builtIn } : nearest
  }
  const { agent } = nearest
  if (!isOfProject(agent.origin)) return nearest
  const problems = [...spendingProblems(agent), ...(await programProblems(agent, places))]
  if (problems.length > 0) return { kind: 'invalid', problems }
  if (own?.kind === 'invalid') return own
  const known = own?.agent ?? builtInAgents.get(name)
  if (!known) return nearest
  const { bottle = agent.bottle, budgets, shutdown } = known
  return { kind: 'agent', agent: { ...agent, ...(bottle && { bottle }), budgets, ...(shutdown && { shutdown }) } }
}

/** `namedAt`: where the names were written; absent: at the start. */
export async function resolveBottlesNamed(
  names: readonly string[],
  places: ManifestPlaces,
  namedAt?: Origin,
): Promise<ResolvedBottle> {
  const files = new Map<string, BottleFile>()
  const tried = new Set<string>()
  for (;;) {
    const needed = neededDefinitions(names, files).filter((name) => !tried.has(name))
    if (needed.length === 0) break
    for (const name of needed) {
      tried.add(name)
      const found = await readBottle(name, places)
      if (found?.kind === 'invalid') return found
      if (found) files.set(name, found.bottle)
    }
  }
  const known = (await listDefinitions('bottles', places)).map((listed) => listed.name)
  return resolveBottle({ names, files, known, ...(namedAt && { namedAt }) })
}

export function isOfProject({ file }: Origin): boolean {
  return file.startsWith('./')
}

function spendingProblems({ name, budgets, shutdown }: AgentDefinition): readonly Problem[] {
  const written = [
    ...budgets.map(({ origin }) => ({ key: 'budget', origin })),
    ...(shutdown ? [{ key: 'shutdown', origin: shutdown.origin }] : []),
  ]
  return written.map(({ key, origin }) => ({
    ...origin,
    message: `${key}: a project cannot say what its agents may spend; write it in your own agents/${name}.md, or give it at the start`,
  }))
}

async function programProblems(
  { command }: AgentDefinition,
  { projectPath }: ManifestPlaces,
): Promise<readonly Problem[]> {
  const [program = ''] = command?.value ?? []
  if (!command || projectPath === null || !program.includes('/')) return []
  const named = resolve(projectPath, program)
  const real = await realpath(named).catch(() => named)
  if (isBelow(projectPath, named) && isBelow(await realpath(projectPath), real)) return []
  const message = `command: ${quote(program)} lies outside of the project, which can only name its own programs (./tool) and those of your PATH (tool)`
  return [{ ...command.origin, message }]
}

async function unknownAgent(name: string, places: ManifestPlaces): Promise<BottleError> {
  const known = (await listDefinitions('agents', places)).map((listed) => listed.name)
  const meant = didYouMean(name, known)
  const hint = meant === undefined ? `There are: ${known.join(', ')}.` : `Did you mean "${meant}"?`
  return new BottleError('not_found', `there is no agent named "${name}"`, { hint })
}

function invalidManifest(problems: readonly Problem[]): BottleError {
  const lines = problems.map(problemInWords)
  return new BottleError('manifest_invalid', lines.join('\n'), {
    hint: `Correct ${lines.length === 1 ? 'that line' : 'these lines'} and try again; bot-bottle manifest check reads all files.`,
  })
}
