/**
 * Reads chosen values out of a JSON document that comes in any split, without keeping the document: memory is bounded by
 * `maxCapturedBytes` plus the length of the longest key asked for, whatever the size or depth of the document.
 *
 * It follows the structure only where a path leads; every other value is skipped by its brackets and quotes. What it finds
 * stands at a protocol position: text inside a string is never taken for structure. It is no validator: malformed JSON
 * ends the scan quietly with what was found until then. Of duplicate keys the last one counts, as in JSON.parse.
 */
import { JsonCaptures, type Span } from './json-captures.ts'
import type { EventShape, ViewedBytes } from './json-event-shape.ts'
import { JsonKey } from './json-key.ts'
import type { JsonPaths, PathNode } from './json-paths.ts'
import { isBlank } from './json-syntax.ts'
import { JsonValue } from './json-value.ts'
import { JsonWatch, type OnWatched } from './json-watch.ts'
import { type TextBytes, TextMeter } from './text-meter.ts'

const expectValue = 0
const expectValueOrEnd = 1
const expectKey = 2
const expectKeyOrEnd = 3
const inKey = 4
const expectColon = 5
const afterValue = 6
const inValue = 7
const closed = 8
const malformed = 9

export type ScanState = 'open' | 'closed' | 'malformed'

interface ScannerOptions {
  readonly isStrict?: boolean
  readonly onWatched?: OnWatched
  readonly shape?: EventShape
}

export class JsonScanner {
  readonly #paths: JsonPaths
  readonly #captures: JsonCaptures
  readonly #text = new TextMeter()
  readonly #watch: JsonWatch
  /** The containers that a path leads through, outermost first; valid up to `#level`. */
  readonly #parents: PathNode[] = []
  readonly #isArray: boolean[] = []
  #level = 0
  readonly #key: JsonKey
  #state = expectValue
  /** Where the value that comes next, or is being read, stands in the paths. */
  #node: PathNode | undefined
  #isObject = false
  /** Bytes of the document before those that are being fed. */
  #fedBytes = 0
  /** Where the document begins in the bytes that are being fed; negative where it began in others. */
  #documentStart = 0
  readonly #value: JsonValue
  readonly #shape: EventShape | undefined
  /** The last one at each place. */
  readonly #located = new Map<string, Span>()

  /**
   * `isStrict`: what some servers read as something else than JSON says is malformed; for what is sent to them.
   * `onWatched`: called with each value or key at a watched path; a long one is cut.
   * `shape`: for many documents that are alike, and paths that capture, measure and seal.
   */
  constructor(paths: JsonPaths, { isStrict = false, onWatched = () => {}, shape }: ScannerOptions = {}) {
    this.#paths = paths
    this.#key = new JsonKey(isStrict)
    this.#watch = new JsonWatch(onWatched)
    this.#shape = shape
    this.#node = paths.root
    this.#captures = new JsonCaptures(paths.slotOf.size)
    const sinks = { captures: this.#captures, text: this.#text, watch: this.#watch, located: this.#located, shape }
    this.#value = new JsonValue(sinks, isStrict)
  }

  /** Bytes of text at measured places, summed over all documents that were fed. */
  get textBytes(): Readonly<TextBytes> {
    return this.#text.total
  }

  get captureCount(): number {
    return this.#captures.count
  }

  get state(): ScanState {
    if (this.#state === closed) return 'closed'
    return this.#state === malformed ? 'malformed' : 'open'
  }

  /** The document is an object, finished or not. */
  get isObject(): boolean {
    return this.#isObject
  }

  /** What this scanner keeps at most at this moment, for those who watch memory. */
  get heldBytes(): number {
    return this.#captures.heldBytes + this.#key.heldBytes + this.#watch.heldBytes + (this.#shape?.heldBytes ?? 0)
  }

  /** The value at a captured path; `undefined` when it is absent, null, unfinished, too big or no JSON. */
  value(path: string): unknown {
    const text = this.#captures.textOf(this.#slot(path))
    if (text === undefined) return undefined
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  }

  /** Something stands at a captured path that cannot be read: too big, or no JSON. */
  isUnreadable(path: string): boolean {
    const slot = this.#slot(path)
    const text = this.#captures.textOf(slot)
    return this.#captures.isTooBig(slot) || (text !== undefined && this.value(path) === undefined)
  }

  /** Where the value at a captured path stands, null too. */
  spanOf(path: string): Span | undefined {
    return this.#captures.spanOf(this.#slot(path))
  }

  /** Where the value at a located path stands, of any size. */
  placeOf(path: string): Span | undefined {
    return this.#located.get(path)
  }

  /** Forgets the document; the next byte begins another one. */
  reset(): void {
    this.#fedBytes = 0
    // A clear of an empty map still takes its time, with each event.
    if (this.#located.size > 0) this.#located.clear()
    this.#captures.reset()
    this.#text.reset()
    this.#shape?.begin()
    this.#level = 0
    this.#state = expectValue
    this.#node = this.#paths.root
    this.#isObject = false
  }

  feed(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    for (let at = this.readDocument(bytes, start, end); at < end; at++)
      if (!isBlank(bytes[at] as number)) {
        this.#state = malformed
        return
      }
  }

  /** Reads no further than the document's end, and returns where that stands; another document may follow. */
  readDocument(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    this.#documentStart = start - this.#fedBytes
    while (at < end && this.#state !== closed) {
      switch (this.#state) {
        case inKey:
          at = this.#readKey(bytes, at, end)
          break
        case inValue:
          at = this.#value.read(bytes, at, end, this.#documentStart)
          if (this.#value.isOver) this.#state = this.#level === 0 ? closed : afterValue
          else if (this.#value.isMalformed) this.#state = malformed
          break
        case malformed:
          at = end
          break
        default: {
          const byte = bytes[at] as number
          if (byte > 0x20) this.#step(byte, bytes, at)
          else if (!isBlank(byte)) this.#state = malformed
          at += 1
        }
      }
    }
    this.#fedBytes += at - start
    return at
  }

  /**
   * Reads a whole event that is like the one that was remembered, but for its values: its document, and what stands around it.
   * Returns where it ends; -1 where another one begins there. To be asked before anything of a document was fed.
   */
  readAlike(bytes: ViewedBytes, start: number): number {
    const end = this.#shape?.read(bytes, start, { captures: this.#captures, text: this.#text }) ?? -1
    if (end >= 0) {
      this.#state = closed
      this.#isObject = true
    }
    return end
  }

  /** Remembers what the document looks like that was just read, in an event that stands there with all that is around it. */
  remember(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#state !== closed || !this.#isObject) return false
    return this.#shape?.remember(bytes, start, end, this.#documentStart) ?? false
  }

  #slot(path: string): number {
    const slot = this.#paths.slotOf.get(path)
    if (slot === undefined) throw new Error(`path ${path} is not captured`)
    return slot
  }

  /** One structural byte outside of any value. */
  #step(byte: number, bytes: Uint8Array, at: number): void {
    switch (this.#state) {
      case expectKeyOrEnd:
      case expectKey:
        if (byte === 0x22) {
          this.#key.begin()
          this.#watch.begin()
          this.#state = inKey
        } else if (byte === 0x7d && this.#state === expectKeyOrEnd) this.#leave()
        else this.#state = malformed
        return
      case expectColon:
        this.#state = byte === 0x3a ? expectValue : malformed
        return
      case afterValue: {
        const isArray = this.#isArray[this.#level - 1]
        if (byte === 0x2c) {
          this.#state = isArray ? expectValue : expectKey
          if (isArray) this.#node = this.#parents[this.#level - 1]?.each
        } else if (byte === (isArray ? 0x5d : 0x7d)) this.#leave()
        else this.#state = malformed
        return
      }
      case expectValueOrEnd:
        if (byte === 0x5d) this.#leave()
        else this.#begin(byte, bytes, at)
        return
      case expectValue:
        this.#begin(byte, bytes, at)
        return
      default:
        this.#state = malformed
    }
  }

  #begin(byte: number, bytes: Uint8Array, at: number): void {
    const node = this.#node
    if (this.#level === 0) this.#isObject = byte === 0x7b
    if (node !== undefined && byte === 0x7b && (node.keys.length > 0 || node.keysWatchedAs || this.#level === 0)) {
      this.#enter(node, false)
      return
    }
    if (node !== undefined && byte === 0x5b && node.each !== undefined) {
      this.#enter(node, true)
      return
    }
    this.#value.begin(node, bytes, at, at - this.#documentStart)
    this.#state = this.#value.isMalformed ? malformed : inValue
  }

  #enter(node: PathNode, isArray: boolean): void {
    this.#parents[this.#level] = node
    this.#isArray[this.#level] = isArray
    this.#level += 1
    this.#state = isArray ? expectValueOrEnd : expectKeyOrEnd
    this.#node = isArray ? node.each : undefined
  }

  #leave(): void {
    this.#level -= 1
    this.#state = this.#level === 0 ? closed : afterValue
  }

  #readKey(bytes: Uint8Array, start: number, end: number): number {
    const parent = this.#parents[this.#level - 1]
    const at = this.#key.read(parent, bytes, start, end)
    if (parent?.keysWatchedAs) this.#watch.add(bytes, start, at)
    if (at === end) return end
    if (parent?.keysWatchedAs) this.#watch.endKey(parent.keysWatchedAs)
    this.#node = this.#key.child
    if (this.#key.isLookalike) {
      this.#state = malformed
      return end
    }
    // Nearly always the colon follows at once.
    const isColonNext = at + 1 < end && bytes[at + 1] === 0x3a
    this.#state = isColonNext ? expectValue : expectColon
    return isColonNext ? at + 2 : at + 1
  }
}
