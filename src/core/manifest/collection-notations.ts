/** Lists, mappings of named keys, and mappings whose keys are the user's own names. */
import { type BoundedEntry, type BoundedNode, quote } from './bounded-yaml.ts'
import {
  below,
  type JsonSchema,
  missing,
  type Notation,
  type Plain,
  type Reading,
  suggestion,
  unexpected,
  wrong,
} from './notation.ts'

export interface Key<Value, IsRequired extends boolean = boolean> {
  readonly notation: Notation<Value>
  /** For editors and for the reference. */
  readonly description: string
  readonly isRequired: IsRequired
}

export function key<Value>(description: string, notation: Notation<Value>): Key<Value, false> {
  return { notation, description, isRequired: false }
}

export function requiredKey<Value>(description: string, notation: Notation<Value>): Key<Value, true> {
  return { notation, description, isRequired: true }
}

// biome-ignore lint/suspicious/noExplicitAny: keys of any value; `Values` gives each its own type back
export type Keys = Readonly<Record<string, Key<any>>>

type NamesOf<Table extends Keys, IsRequired extends boolean> = {
  [Name in keyof Table]: Table[Name] extends Key<unknown, IsRequired> ? Name : never
}[keyof Table]
type ValueAt<Table extends Keys, Name extends keyof Table> = Table[Name] extends Key<infer Value> ? Value : never

/** What a mapping of these keys says. */
export type Values<Table extends Keys> = {
  readonly [Name in NamesOf<Table, true>]: ValueAt<Table, Name>
} & { readonly [Name in NamesOf<Table, false>]?: ValueAt<Table, Name> }

const expectedMapping = 'a mapping ("key: value" lines)'

/** `advice`: what to do with keys that are not of this mapping, but were or could be thought to be. */
export function mapping<Table extends Keys>(
  keys: Table,
  advice: Readonly<Record<string, string>> = {},
): Notation<Values<Table>> & { readonly keys: Table } {
  const names = Object.keys(keys)
  const reportUnknown = (entry: BoundedEntry, reading: Reading) => {
    const said = Object.hasOwn(advice, entry.key) ? advice[entry.key] : undefined
    wrong(entry, reading, said ?? `unknown key ${quote(entry.key)}; ${suggestion(entry.key, names)}`)
  }
  return {
    keys,
    isSection: true,
    read(node, reading) {
      if (node.kind !== 'mapping') return unexpected(node, reading, expectedMapping)
      const values: Record<string, unknown> = {}
      for (const entry of node.entries) {
        const known = Object.hasOwn(keys, entry.key) ? keys[entry.key] : undefined
        if (!known) reportUnknown(entry, reading)
        else if (!(entry.value.kind === 'nothing' && known.notation.isSection)) {
          values[entry.key] = known.notation.read(entry.value, below(reading, entry.key))
        }
      }
      const absent = names.filter((name) => keys[name]?.isRequired && !(name in values))
      if (absent.length > 0) wrong(node, reading, missing(absent))
      const isWhole = Object.values(values).every((value) => value !== undefined) && absent.length === 0
      return isWhole ? (values as Values<Table>) : undefined
    },
    print(values) {
      const given = names.filter((name) => name in values)
      return Object.fromEntries(given.map((name) => [name, printOf(keys, name, values)]))
    },
    schema: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(keys).map(([name, { notation, description }]) => [name, { description, ...schemaOf(notation) }]),
      ),
      required: names.filter((name) => keys[name]?.isRequired),
      additionalProperties: false,
    },
  }
}

/** A section may stand there empty, or with comments only. */
function schemaOf({ schema, isSection }: Notation<unknown>): JsonSchema {
  return isSection ? { ...schema, type: [schema.type, 'null'] } : schema
}

function printOf(keys: Keys, name: string, values: Readonly<Record<string, unknown>>): Plain {
  return keys[name]?.notation.print(values[name]) ?? ''
}

export interface NamedRules<Value> {
  /** The notation of the value under a name. */
  readonly value: (name: string) => Notation<Value>
  /** Its one spelling, or why it is no such name and what would work. */
  readonly name: (written: string) => { readonly kind: 'name'; readonly name: string } | Fault
  readonly schema: { readonly propertyNames?: JsonSchema; readonly value: JsonSchema }
}

export interface Fault {
  readonly kind: 'fault'
  readonly why: string
}

/** A mapping from names that the user chooses. */
export function named<Value>({ value, name, schema }: NamedRules<Value>): Notation<ReadonlyMap<string, Value>> {
  return {
    isSection: true,
    read(node, reading) {
      if (node.kind !== 'mapping') return unexpected(node, reading, expectedMapping)
      const values = new Map<string, Value>()
      let isWhole = true
      for (const entry of node.entries) {
        const read = readNamed(entry, reading)
        if (read === undefined) isWhole = false
        else if (values.has(read.name)) {
          isWhole = false
          wrong(entry, reading, `${read.name} is given twice; keep one`)
        } else values.set(read.name, read.value)
      }
      return isWhole ? values : undefined
    },
    print: (values) => Object.fromEntries([...values].map(([written, item]) => [written, value(written).print(item)])),
    schema: {
      type: 'object',
      ...(schema.propertyNames && { propertyNames: schema.propertyNames }),
      additionalProperties: schema.value,
    },
  }

  function readNamed(entry: BoundedEntry, reading: Reading) {
    const found = name(entry.key)
    if (found.kind === 'fault') return wrong(entry, reading, found.why)
    const read = value(found.name).read(entry.value, below(reading, entry.key))
    return read === undefined ? undefined : { name: found.name, value: read }
  }
}

export interface ListRules {
  /** Completes the sentence "expected a list of …". */
  readonly of: string
  readonly minItems?: number
  readonly maxItems: number
}

export function list<Item>(item: Notation<Item>, { of, minItems = 0, maxItems }: ListRules): Notation<readonly Item[]> {
  return {
    isSection: true,
    read(node, reading) {
      if (node.kind !== 'sequence') return unexpected(node, reading, `a list of ${of}`)
      if (node.items.length < minItems) return wrong(node, reading, `expected a list of ${of}, found an empty one`)
      if (node.items.length > maxItems) {
        return wrong(node, reading, `at most ${maxItems} are possible, found ${node.items.length}`)
      }
      const items = node.items.map((one) => item.read(one, reading))
      return items.every((one) => one !== undefined) ? items : undefined
    },
    print: (items) => items.map((one) => item.print(one)),
    schema: { type: 'array', items: item.schema, ...(minItems > 0 && { minItems }), maxItems },
  }
}

/** One item, or a list of them. */
export function oneOrMany<Item>(item: Notation<Item>, rules: ListRules): Notation<readonly Item[]> {
  const many = list(item, rules)
  return {
    read(node: BoundedNode, reading: Reading) {
      if (node.kind === 'sequence') return many.read(node, reading)
      const one = item.read(node, reading)
      return one === undefined ? undefined : [one]
    },
    print(items) {
      const [first] = items
      return items.length === 1 && first !== undefined ? item.print(first) : many.print(items)
    },
    schema: { anyOf: [item.schema, many.schema] },
  }
}
