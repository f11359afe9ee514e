/**
 * How a value is written in a file: one declaration that reads it, prints it, and describes it to editors. A reader
 * reports what it found and what would work, and goes on, so that all problems of a file are told at once.
 */
import { didYouMean } from '../did-you-mean.ts'
import { type BoundedNode, foundInWords, type Position } from './bounded-yaml.ts'
import type { Origin, Sourced } from './definition.ts'

export interface Notation<Value> {
  /** `undefined`: it is wrong, and was reported. */
  read(node: BoundedNode, reading: Reading): Value | undefined
  /** As plain values for a printer of YAML. */
  print(value: Value): Plain
  /** JSON Schema, draft 2020-12. It may allow what only the reader can know to be wrong. */
  readonly schema: JsonSchema
  /** A mapping or a list: with nothing below it, its key says nothing. */
  readonly isSection?: true
}

export type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain }

export type JsonSchema = { readonly [keyword: string]: unknown }

export interface Reading {
  readonly file: string
  /** The keys that lead here: `egress.routes.host`. */
  readonly path: string
  report(position: Position, message: string): void
}

export function below(reading: Reading, key: string): Reading {
  return { ...reading, path: reading.path === '' ? key : `${reading.path}.${key}` }
}

/** Reports at a node, below the keys that lead there. `undefined`, for a reader to return. */
export function wrong(node: Position, { path, report }: Reading, message: string): undefined {
  report(node, path === '' ? message : `${path}: ${message}`)
}

export function unexpected(node: BoundedNode, reading: Reading, expected: string): undefined {
  if (node.kind === 'nothing') return wrong(node, reading, `found nothing; expected ${expected}, or remove the line`)
  return wrong(node, reading, `expected ${expected}, found ${foundInWords(node)}`)
}

export function originOf({ line, column }: Position, { file }: Reading): Origin {
  return { file, line, column }
}

export function suggestion(word: string, candidates: readonly string[]): string {
  const meant = didYouMean(word, candidates)
  return meant === undefined ? `known are ${candidates.join(', ')}` : `did you mean "${meant}"?`
}

/** `"url" is missing`, `"url" and "identity" are missing`. */
export function missing(names: readonly string[]): string {
  return `${names.map((name) => `"${name}"`).join(' and ')} ${names.length === 1 ? 'is' : 'are'} missing`
}

/** The value together with its place. */
export function sourced<Value>(notation: Notation<Value>): Notation<Sourced<Value>> {
  return {
    ...notation,
    read(node, reading) {
      const value = notation.read(node, reading)
      return value === undefined ? undefined : { value, origin: originOf(node, reading) }
    },
    print: ({ value }) => notation.print(value),
  }
}

/** The same notation for a value of another shape. `from` may report, and then returns `undefined`. */
export function converted<Written, Value>(
  notation: Notation<Written>,
  {
    from,
    to,
  }: {
    readonly from: (written: Written, node: BoundedNode, reading: Reading) => Value | undefined
    readonly to: (value: Value) => Written
  },
): Notation<Value> {
  return {
    ...notation,
    read(node, reading) {
      const written = notation.read(node, reading)
      return written === undefined ? undefined : from(written, node, reading)
    },
    print: (value) => notation.print(to(value)),
  }
}
