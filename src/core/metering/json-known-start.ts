/**
 * How the document before began, up to its first text, and where the scanner stood there. The events of a stream begin alike,
 * byte for byte: that much of the next one need not be read.
 */
import { JsonCaptures } from './json-captures.ts'
import type { PathNode } from './json-paths.ts'

/** Longer starts are not remembered. */
export const maxKnownStartBytes = 512

/** Where a scanner stands right behind the first quote of a text. */
export interface ScanPosition {
  /** Down to the text, outermost first. */
  readonly parents: readonly PathNode[]
  readonly isArray: readonly boolean[]
  readonly node: PathNode | undefined
  readonly captures: JsonCaptures
}

export class KnownStart {
  readonly #bytes = Buffer.allocUnsafe(maxKnownStartBytes)
  #length = 0
  #parents: readonly PathNode[] = []
  #isArray: readonly boolean[] = []
  #node: PathNode | undefined
  readonly #captures: JsonCaptures

  constructor(slotCount: number) {
    this.#captures = new JsonCaptures(slotCount)
  }

  get heldBytes(): number {
    return this.#bytes.length + this.#captures.heldBytes
  }

  get position(): ScanPosition {
    return { parents: this.#parents, isArray: this.#isArray, node: this.#node, captures: this.#captures }
  }

  /** The document stands in these bytes from `start`, its first text from `end`. */
  remember(bytes: Uint8Array, start: number, end: number, { parents, isArray, node, captures }: ScanPosition): void {
    if (end - start > maxKnownStartBytes) return
    for (let at = start; at < end; at++) this.#bytes[at - start] = bytes[at] as number
    this.#length = end - start
    this.#parents = parents
    this.#isArray = isArray
    this.#node = node
    this.#captures.copyFrom(captures)
  }

  /** How long the start is, where a document begins with it; 0 where one begins otherwise, or not so much of it is here. */
  lengthIn(bytes: Uint8Array, start: number, end: number): number {
    const length = this.#length
    if (end - start < length) return 0
    const known = this.#bytes
    for (let index = 0; index < length; index++) if (known[index] !== bytes[start + index]) return 0
    return length
  }
}
