/** What is done with a value, by where it stands. */
import type { PathNode } from './json-paths.ts'

export const skip = 0
export const capture = 1
export const measure = 2
export const watch = 3
export const seal = 4
export const locate = 5

export type Use = typeof skip | typeof capture | typeof measure | typeof watch | typeof seal | typeof locate

export function purposeOf(node: PathNode | undefined): Use {
  if (node === undefined) return skip
  if (node.slot >= 0) return capture
  if (node.isMeasured) return measure
  if (node.isSealed) return seal
  if (node.watchedAs) return watch
  return node.locatedAs ? locate : skip
}
