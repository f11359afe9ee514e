/**
 * The places in a JSON document that a scanner looks at, compiled once into a tree. A path is written as it would be in
 * code: `message.usage`, `content[].text`, `[].usageMetadata`. It names a protocol position: the same word inside a string,
 * or under another key, is somewhere else.
 */
export interface PathNode {
  readonly keys: readonly PathKey[]
  /** The elements of an array that stands here. */
  readonly each: PathNode | undefined
  /** Where a captured value goes; -1 where none is wanted. */
  readonly slot: number
  /** The text that stands here is counted. */
  readonly isMeasured: boolean
  /** The encrypted text that stands here is counted. */
  readonly isSealed: boolean
  /** The path under which each value that stands here is told; '' where none is. */
  readonly watchedAs: string
  /** The same for the keys of an object that stands here. */
  readonly keysWatchedAs: string
  /** The path under which the place of a value that stands here is remembered; '' where it is not. */
  readonly locatedAs: string
}

interface PathKey {
  readonly bytes: Uint8Array
  readonly node: PathNode
}

export interface JsonPaths {
  readonly root: PathNode
  readonly slotOf: ReadonlyMap<string, number>
}

interface PathLists {
  /** Values to keep, e.g. a usage object. Only the leaf of a path is kept. */
  readonly capture: readonly string[]
  /** Text to count, not to keep. */
  readonly measure?: readonly string[]
  /** Encrypted text to count, not to keep. */
  readonly seal?: readonly string[]
  /** Values to tell one by one, e.g. of all elements of a list. With `{}` at the end: the keys of an object. */
  readonly watch?: readonly string[]
  /** Values of any size, to know where they stand. */
  readonly locate?: readonly string[]
}

interface DraftNode {
  readonly keys: Map<string, DraftNode>
  each: DraftNode | undefined
  slot: number
  isMeasured: boolean
  isSealed: boolean
  watchedAs: string
  keysWatchedAs: string
  locatedAs: string
}

const keysMark = '{}'

export function compileJsonPaths({ capture, measure = [], seal = [], watch = [], locate = [] }: PathLists): JsonPaths {
  const root = draft()
  capture.forEach((path, slot) => {
    place(root, path).slot = slot
  })
  for (const path of measure) place(root, path).isMeasured = true
  for (const path of seal) place(root, path).isSealed = true
  for (const path of watch) {
    if (path.endsWith(keysMark)) place(root, path.slice(0, -keysMark.length)).keysWatchedAs = path
    else place(root, path).watchedAs = path
  }
  for (const path of locate) place(root, path).locatedAs = path
  return { root: freeze(root), slotOf: new Map(capture.map((path, slot) => [path, slot])) }
}

function draft(): DraftNode {
  return {
    keys: new Map(),
    each: undefined,
    slot: -1,
    isMeasured: false,
    isSealed: false,
    watchedAs: '',
    keysWatchedAs: '',
    locatedAs: '',
  }
}

function place(root: DraftNode, path: string): DraftNode {
  let node = root
  for (const step of path.match(/\[\]|[^.[\]]+/g) ?? []) {
    if (step === '[]') {
      node.each ??= draft()
      node = node.each
    } else {
      const next: DraftNode = node.keys.get(step) ?? draft()
      node.keys.set(step, next)
      node = next
    }
  }
  return node
}

function freeze({ keys, each, ...rest }: DraftNode): PathNode {
  const encoder = new TextEncoder()
  return {
    ...rest,
    keys: [...keys].map(([key, node]) => ({ bytes: encoder.encode(key), node: freeze(node) })),
    each: each && freeze(each),
  }
}
