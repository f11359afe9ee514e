/** Reads every definition that a start could use, and tells all that is wrong. */
import type { Problem } from '../../core/manifest/definition.ts'
import { resolveAgentNamed, resolveBottlesNamed } from './load.ts'
import { listDefinitions, type ManifestPlaces, misnamedFiles } from './places.ts'

export interface ManifestCheck {
  readonly agents: number
  readonly bottles: number
  readonly problems: readonly Problem[]
}

export async function checkManifests(places: ManifestPlaces): Promise<ManifestCheck> {
  const agents = await listDefinitions('agents', places)
  const bottles = await listDefinitions('bottles', places)
  const bottleNames = new Set(bottles.map(({ name }) => name))
  const problems: Problem[] = []
  for (const { name } of bottles) {
    const resolved = await resolveBottlesNamed([name], places)
    if (resolved.kind === 'invalid') problems.push(...resolved.problems)
  }
  for (const { name } of agents) {
    const resolved = await resolveAgentNamed(name, places)
    if (resolved?.kind === 'invalid') problems.push(...resolved.problems)
    const bottle = resolved?.kind === 'agent' ? resolved.agent.bottle : undefined
    if (!bottle || bottleNames.has(bottle.value)) continue
    const missing = await resolveBottlesNamed([bottle.value], places, bottle.origin)
    if (missing.kind === 'invalid') problems.push(...missing.problems)
  }
  for (const kind of ['agents', 'bottles'] as const) {
    for (const file of await misnamedFiles(kind, places)) {
      problems.push({ file, line: 1, column: 1, message: 'the name of the file cannot be a name; it is not read' })
    }
  }
  return { agents: agents.length, bottles: bottles.length, problems: withoutRepeats(problems) }
}

/** A parent's problem is met again by every child. */
function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  const byPlace = new Map(problems.map((problem) => [JSON.stringify(problem), problem]))
  return [...byPlace.values()].sort(
    (left, right) => (left.file < right.file ? -1 : left.file > right.file ? 1 : 0) || left.line - right.line,
  )
}
