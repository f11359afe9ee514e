/** Merges the bottles that a start asks for with all that they extend, and checks what only the whole can show. */
import { builtInBottles } from './built-ins.ts'
import { contradictions, gaps } from './check-whole.ts'
import type { BottleFile, DefinitionScope, EffectiveBottle, Origin, Problem } from './definition.ts'
import { gitGateOf } from './git-gate-of.ts'
import { emptyLayer, layerOf, overlay } from './layer.ts'
import { lineageOf } from './lineage.ts'
import { providerOf } from './provider-of.ts'

export interface ResolveOptions {
  /** Asked for, in order: later ones are laid over earlier ones. */
  readonly names: readonly string[]
  /** Read so far. A file takes the place of a built-in bottle of its name. */
  readonly files: ReadonlyMap<string, BottleFile>
  /** All names that there are, for those that are not found. */
  readonly known: readonly string[]
  /** Where the names were written. Absent: at the start. */
  readonly namedAt?: Origin
  /** Others build on these: what they may still complete is not missed. */
  readonly asParents?: boolean
}

export type ResolvedBottle =
  | { readonly kind: 'bottle'; readonly bottle: EffectiveBottle }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/** Names in the chains of these whose files are not read yet. Those that have no file stay in it. */
export function neededDefinitions(names: readonly string[], files: ReadonlyMap<string, BottleFile>): readonly string[] {
  const seen = new Set(names)
  // A set that is added to while it is walked is walked to its end.
  for (const name of seen) for (const parent of files.get(name)?.extends ?? []) seen.add(parent.value)
  return [...seen].filter((name) => !files.has(name))
}

const atStart: Origin = { file: '--bottle', line: 0, column: 0 }

export function resolveBottle({
  names,
  files,
  known,
  namedAt = atStart,
  asParents = false,
}: ResolveOptions): ResolvedBottle {
  const find = (name: string) => files.get(name) ?? builtInBottles.get(name)
  const lineage = lineageOf({ names, namedAt, find, known })
  if (lineage.kind === 'invalid') return lineage
  const { farthestFirst } = lineage
  const { git: written, providers = [], ...merged } = farthestFirst.map(layerOf).reduce(overlay, emptyLayer)
  const git = gitGateOf(written)
  const bottle: EffectiveBottle = {
    ...merged,
    names,
    scopes: farthestFirst.toReversed().map(({ name, budgets }): DefinitionScope => ({ name, budgets })),
    providers: providers.map(({ value, origin }) => ({ value: providerOf(value), origin })),
    git: git.gate,
  }
  const problems = [...contradictions(bottle, farthestFirst), ...(asParents ? [] : [...git.problems, ...gaps(bottle)])]
  return problems.length > 0 ? { kind: 'invalid', problems: inOrder(problems) } : { kind: 'bottle', bottle }
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted(
    (left, right) => left.file.localeCompare(right.file) || left.line - right.line || left.column - right.column,
  )
}
