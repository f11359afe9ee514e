/**
 * The definitions that a bottle is made of, each once, farthest first: parents before their children, and of two parents
 * the earlier one, with all of its own, before the later one. Reading it backwards is the order of budgets.
 */
import { didYouMean } from '../did-you-mean.ts'
import type { BottleFile, Origin, Problem } from './definition.ts'

export interface LineageOptions {
  /** Asked for, later ones nearer. */
  readonly names: readonly string[]
  /** Where they were written. */
  readonly namedAt: Origin
  readonly find: (name: string) => BottleFile | undefined
  /** All names that there are, for those that are not found. */
  readonly known: readonly string[]
}

export type Lineage =
  | { readonly kind: 'lineage'; readonly farthestFirst: readonly BottleFile[] }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

const maxDefinitions = 200

export function lineageOf({ names, namedAt, find, known }: LineageOptions): Lineage {
  const farthestFirst: BottleFile[] = []
  const visited = new Set<string>()
  const problems: Problem[] = []

  /** `path`: from a name that was asked for to the child that names this one. */
  const visit = (name: string, origin: Origin, path: readonly string[]): void => {
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].join(' → ')
      problems.push({ ...origin, message: `extends: ${cycle} comes back to itself; remove one of these` })
      return
    }
    if (visited.has(name)) return
    visited.add(name)
    const file = find(name)
    if (!file) {
      problems.push({ ...origin, message: unknownBottle(name, path, known) })
      return
    }
    if (visited.size > maxDefinitions) {
      if (visited.size === maxDefinitions + 1) problems.push({ ...origin, message: tooMany })
      return
    }
    for (const parent of file.extends) visit(parent.value, parent.origin, [...path, name])
    farthestFirst.push(file)
  }
  for (const name of names) visit(name, namedAt, [])
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'lineage', farthestFirst }
}

const tooMany = `extends: a bottle is made of more than ${maxDefinitions} definitions here`

function unknownBottle(name: string, path: readonly string[], known: readonly string[]): string {
  const meant = didYouMean(name, known)
  const advice = meant === undefined ? `There are: ${known.join(', ')}.` : `Did you mean "${meant}"?`
  if (path.length === 0) return `no bottle has the name "${name}". ${advice}`
  return `extends: no bottle has the name "${name}" (${[...path, name].join(' → ')}). ${advice}`
}
