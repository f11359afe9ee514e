/** Reads every definition that a start could use, each file once, and tells all that is wrong. */
import { unusedBudgets } from '../../core/manifest/check-whole.ts'
import type { BottleFile, EffectiveBottle, Origin, Problem } from '../../core/manifest/definition.ts'
import { neededDefinitions, resolveBottle } from '../../core/manifest/resolve-bottle.ts'
import { resolveAgentNamed } from './load.ts'
import { listDefinitions, type ManifestPlaces, misnamedFiles } from './places.ts'
import { readBottle } from './read.ts'

export interface ManifestCheck {
  readonly agents: number
  readonly bottles: number
  readonly problems: readonly Problem[]
}

export async function checkManifests(places: ManifestPlaces): Promise<ManifestCheck> {
  const agents = await listDefinitions('agents', places)
  const known = (await listDefinitions('bottles', places)).map(({ name }) => name)
  const problems: Problem[] = []
  const files = new Map<string, BottleFile>()
  const unreadable = new Set<string>()
  for (const name of known) {
    const found = await readBottle(name, places)
    if (found?.kind === 'bottle') files.set(name, found.bottle)
    if (found?.kind !== 'invalid') continue
    problems.push(...found.problems)
    unreadable.add(name)
  }
  const parents = new Set([...files.values()].flatMap((file) => file.extends.map(({ value }) => value)))
  const check = (name: string, namedAt?: Origin): EffectiveBottle | undefined => {
    // What is wrong with a file is told there, and not again at each that builds on it.
    const needed = neededDefinitions([name], files)
    const absent = needed.filter((one) => !known.includes(one))
    const own = [name, ...(files.get(name)?.extends ?? []).map(({ value }) => value)]
    const isToldElsewhere = absent.length > 0 && !absent.some((one) => own.includes(one))
    if (isToldElsewhere || needed.some((one) => unreadable.has(one))) return undefined
    const asParents = parents.has(name) && namedAt === undefined
    const resolved = resolveBottle({ names: [name], files, known, asParents, ...(namedAt && { namedAt }) })
    if (resolved.kind === 'bottle') return resolved.bottle
    problems.push(...resolved.problems)
    return undefined
  }
  for (const name of known) check(name)
  problems.push(...foreignHostProblems([...files.values()]))
  for (const { name } of agents) {
    const resolved = await resolveAgentNamed(name, places)
    if (resolved?.kind === 'invalid') problems.push(...resolved.problems)
    if (resolved?.kind !== 'agent' || !resolved.agent.bottle) continue
    const bottle = check(resolved.agent.bottle.value, resolved.agent.bottle.origin)
    if (bottle) problems.push(...unusedBudgets(resolved.agent.budgets, bottle))
  }
  for (const kind of ['agents', 'bottles'] as const) {
    for (const file of await misnamedFiles(kind, places)) {
      problems.push({ file, line: 1, column: 1, message: 'the name of the file cannot be a name; it is not read' })
    }
  }
  return { agents: agents.length, bottles: known.length, problems: withoutRepeats(problems) }
}

/**
 * Routes to hosts that another bottle's own provider lists. Safety (I3): a bottle without that provider would reach them unmetered. A
 * start reads the files of its own chain only and cannot see it.
 */
function foreignHostProblems(files: readonly BottleFile[]): readonly Problem[] {
  const owners = new Map(
    files.flatMap(({ providers = [] }) =>
      providers.flatMap(({ value, origin }) =>
        (value.hosts ?? []).map(({ host }) => [host, { name: value.name, origin }] as const),
      ),
    ),
  )
  return files.flatMap(({ providers = [], egress }) =>
    egress.routes.flatMap(({ value: { host, providerTools, webSocket }, origin }) => {
      const owner = owners.get(host)
      const isAboutProvider = providerTools !== undefined || webSocket !== undefined
      if (!owner || isAboutProvider || providers.some(({ value }) => value.name === owner.name)) return []
      const message = `egress.routes: ${host} belongs to the provider ${owner.name} (${owner.origin.file}:${owner.origin.line}), and a route leads past its meter where a bottle does not have it; give the bottle that provider instead`
      return [{ ...origin, message }]
    }),
  )
}

/** What is wrong in the whole of a chain is met again by every bottle that builds on it. */
function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  const byPlace = new Map(problems.map((problem) => [JSON.stringify(problem), problem]))
  return [...byPlace.values()].sort(
    (left, right) => (left.file < right.file ? -1 : left.file > right.file ? 1 : 0) || left.line - right.line,
  )
}
