/**
 * YAML held to a subset that reads the same in every parser: mappings, sequences and one-line or quoted scalars. Anchors,
 * aliases, tags, merge keys, block scalars, duplicate keys, directives and further documents are refused, all problems at
 * once. Scalars keep the text they were written with: `1e9` and `0x10` are not quietly numbers.
 */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml'

export interface Position {
  readonly line: number
  readonly column: number
}

export interface Problem extends Position {
  readonly message: string
}

export type BoundedNode =
  | ({ readonly kind: 'mapping'; readonly entries: readonly BoundedEntry[] } & Position)
  | ({ readonly kind: 'sequence'; readonly items: readonly BoundedNode[] } & Position)
  /** `text` as written, without quotes. `isText`: every reader of YAML takes it for a text, not for a number or a truth value. */
  | ({
      readonly kind: 'scalar'
      readonly text: string
      readonly isQuoted: boolean
      readonly isText: boolean
    } & Position)
  /** Nothing was written, or `null` or `~`. */
  | ({ readonly kind: 'nothing' } & Position)

export interface BoundedEntry extends Position {
  readonly key: string
  readonly value: BoundedNode
}

export interface BoundedYaml {
  /** A mapping at the top; `undefined` when the text holds nothing. Only to be trusted when there are no problems. */
  readonly root: BoundedNode | undefined
  readonly problems: readonly Problem[]
}

const maxDepth = 32
/** The controller serves all bottles with the same thread: no file, be it a hostile project's, may hold it up for long. */
const maxCharacters = 64 * 1024

export function readBoundedYaml(text: string): BoundedYaml {
  if (text.length > maxCharacters) {
    const message = `its keys and values have ${text.length} characters; at most ${maxCharacters} are read`
    return { root: undefined, problems: [{ line: 1, column: 1, message }] }
  }
  const at = positionsIn(text)
  let document: Document.Parsed
  try {
    // The parser compares every key with every other one: ten thousand would take it seconds.
    document = parseDocument(text, { prettyErrors: false, merge: false, uniqueKeys: false })
  } catch (error) {
    // The parser is recursive: a thousand nested brackets end its stack.
    if (!(error instanceof RangeError)) throw error
    return {
      root: undefined,
      problems: [{ line: 1, column: 1, message: `it is nested deeper than ${maxDepth} levels` }],
    }
  }
  const problems = [...syntaxProblems(document, at), ...subsetProblems(document, at)]
  problems.sort((left, right) => left.line - right.line || left.column - right.column)
  return { root: document.contents === null ? undefined : bounded(document.contents, at), problems }
}

function syntaxProblems(document: Document.Parsed, at: (offset: number) => Position): readonly Problem[] {
  const problems: Problem[] = []
  let isBroken = false
  for (const { code, pos, message } of document.errors) {
    const position = at(pos[0])
    if (code === 'MULTIPLE_DOCS') {
      problems.push({ ...position, message: 'a second document begins here; keep one' })
    } else if (!isBroken) {
      // What the parser finds wrong behind the first error mostly follows from it.
      isBroken = true
      problems.push({ ...position, message: `this is not YAML: ${message}` })
    }
  }
  const hasDirective = document.directives.yaml.explicit || Object.keys(document.directives.tags).length > 1
  if (hasDirective) problems.push({ line: 1, column: 1, message: 'directives (%YAML, %TAG) are not read; remove them' })
  return problems
}

/** The parser's own counter misses line ends in what it cannot read. */
function positionsIn(text: string): (offset: number) => Position {
  const starts = [0]
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) starts.push(end + 1)
  return (offset) => {
    let [low, high] = [0, starts.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 }
  }
}

function subsetProblems(document: Document.Parsed, at: (offset: number) => Position): readonly Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key) && key.source === '<<') {
        problems.push({ ...at(key.range?.[0] ?? 0), message: 'merge keys (<<) are not read; write the keys out' })
      } else if (!isScalar(key)) {
        const offset = (key as ParsedNode | null)?.range[0] ?? 0
        problems.push({ ...at(offset), message: 'a key must be a plain word' })
      }
    },
    Node: (_, node, path) => {
      const position = at(node.range?.[0] ?? 0)
      if (path.filter(isCollection).length > maxDepth) {
        problems.push({ ...position, message: `it is nested deeper than ${maxDepth} levels` })
        return visit.BREAK
      }
      if (isMap(node)) problems.push(...repeatedKeys(node, at))
      if (isAlias(node))
        problems.push({ ...position, message: `aliases (*${node.source}) are not read; write the value out` })
      else if (node.anchor) problems.push({ ...position, message: `anchors (&${node.anchor}) are not read; remove it` })
      if (node.tag) problems.push({ ...position, message: 'tags (!…) are not read; remove it' })
      if (isScalar(node) && node.type?.startsWith('BLOCK_')) {
        problems.push({ ...position, message: 'block texts (| and >) are not read; write it on one line' })
      }
      return undefined
    },
  })
  return problems
}

function repeatedKeys({ items }: YAMLMap, at: (offset: number) => Position): readonly Problem[] {
  const seen = new Set<string>()
  return items.flatMap(({ key }) => {
    if (!isScalar(key) || key.source === undefined) return []
    if (seen.has(key.source)) return [{ ...at(key.range?.[0] ?? 0), message: 'this key is given twice; keep one' }]
    seen.add(key.source)
    return []
  })
}

function bounded(node: ParsedNode, at: (offset: number) => Position): BoundedNode {
  const position = at(node.range[0])
  if (isMap(node)) {
    const entries = node.items.map(({ key, value }) => {
      const place = at((key as ParsedNode).range[0])
      return {
        ...place,
        key: isScalar(key) ? (key.source ?? '') : '',
        value: value === null ? ({ kind: 'nothing', ...place } as const) : bounded(value, at),
      }
    })
    return { kind: 'mapping', entries, ...position }
  }
  if (isSeq(node))
    return { kind: 'sequence', items: node.items.map((item) => bounded(item as ParsedNode, at)), ...position }
  if (isScalar(node) && node.value !== null) {
    const isQuoted = node.type?.startsWith('QUOTE_') ?? false
    return { kind: 'scalar', text: node.source, isQuoted, isText: typeof node.value === 'string', ...position }
  }
  return { kind: 'nothing', ...position }
}

/** What was found, in words: `the text "x"`, `"1e9"`, `a list`. */
export function foundInWords(node: BoundedNode): string {
  if (node.kind === 'mapping') return 'a mapping'
  if (node.kind === 'sequence') return 'a list'
  if (node.kind === 'nothing') return 'nothing'
  return node.isQuoted ? `the text ${JSON.stringify(shortened(node.text))}` : quote(node.text)
}

/** What somebody wrote, as messages show it. */
export function quote(text: string): string {
  return `"${shortened(text)}"`
}

function shortened(text: string): string {
  return text.length > maxQuotedLength ? `${text.slice(0, maxQuotedLength)}…` : text
}

const maxQuotedLength = 60
