/** From the text of a file to what its keys say: every problem at once, in the order of the file. */
import { readBoundedYaml } from './bounded-yaml.ts'
import type { Problem } from './definition.ts'
import type { Notation } from './notation.ts'

export type ReadDocument<Value> =
  | { readonly kind: 'read'; readonly value: Value }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

export function readDocument<Value>(yaml: string, file: string, notation: Notation<Value>): ReadDocument<Value> {
  const { root, problems: found } = readBoundedYaml(yaml)
  const problems: Problem[] = found.map((problem) => ({ file, ...problem }))
  if (problems.length > 0) return { kind: 'invalid', problems: firstOf(problems) }
  const empty = { kind: 'mapping', entries: [], line: 1, column: 1 } as const
  const value = notation.read(root === undefined || root.kind === 'nothing' ? empty : root, {
    file,
    path: '',
    report: ({ line, column }, message) => problems.push({ file, line, column, message }),
  })
  if (value !== undefined && problems.length === 0) return { kind: 'read', value }
  problems.sort((left, right) => left.line - right.line || left.column - right.column)
  return { kind: 'invalid', problems: firstOf(problems) }
}

/** Nobody reads more at once. */
const maxProblems = 100

function firstOf(problems: readonly Problem[]): readonly Problem[] {
  const next = problems[maxProblems]
  if (next === undefined) return problems
  const message = `${problems.length - maxProblems} more problems from here on; correct those above first`
  return [...problems.slice(0, maxProblems), { ...next, message }]
}
