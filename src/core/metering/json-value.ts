/**
 * Reads one value in any split, without following its structure, and does with it what its place in the paths says: it is kept,
 * counted, told or located. A value that nobody wants is skipped by its brackets and quotes.
 */
import type { JsonCaptures, Span } from './json-captures.ts'
import type { EventShape } from './json-event-shape.ts'
import type { PathNode } from './json-paths.ts'
import {
  closingBracket,
  endOfScalar,
  endOfString,
  isBetweenStrings,
  isScalarByte,
  openingBracket,
  quote,
} from './json-syntax.ts'
import { capture, locate, measure, purposeOf, seal, skip, type Use, watch } from './json-use.ts'
import type { JsonWatch } from './json-watch.ts'
import type { TextMeter } from './text-meter.ts'

export interface ValueSinks {
  readonly captures: JsonCaptures
  readonly text: TextMeter
  readonly watch: JsonWatch
  /** Where the last value stands at each located path. */
  readonly located: Map<string, Span>
  readonly shape: EventShape | undefined
}

const over = 0
const inString = 1
const inScalar = 2
const inContainer = 3
const malformed = 4

export class JsonValue {
  readonly #captures: JsonCaptures
  readonly #text: TextMeter
  readonly #watch: JsonWatch
  readonly #located: Map<string, Span>
  readonly #shape: EventShape | undefined
  readonly #isStrict: boolean
  #state = over
  #node: PathNode | undefined
  #use: Use = skip
  /** The value is wanted itself, and there is room for it. */
  #isKept = false
  /** Where it begins, in the bytes that are being fed; in the document. */
  #start = 0
  #offset = 0
  #isAfterBackslash = false
  /** Open brackets, and whether a string is open in them. */
  #depth = 0
  #isInnerString = false

  constructor({ captures, text, watch, located, shape }: ValueSinks, isStrict: boolean) {
    this.#captures = captures
    this.#text = text
    this.#watch = watch
    this.#located = located
    this.#shape = shape
    this.#isStrict = isStrict
  }

  get isOver(): boolean {
    return this.#state === over
  }

  get isMalformed(): boolean {
    return this.#state === malformed
  }

  /** The first byte of the value stands at `at`, `offset` bytes into its document. */
  begin(node: PathNode | undefined, bytes: Uint8Array, at: number, offset: number): void {
    const byte = bytes[at] as number
    this.#node = node
    this.#use = purposeOf(node)
    this.#isKept = this.#use === capture || this.#use === watch
    this.#start = at
    this.#offset = offset
    this.#isAfterBackslash = false
    if (byte === quote) this.#state = inString
    else if (byte === 0x7b || byte === openingBracket) {
      this.#state = inContainer
      this.#depth = 1
      this.#isInnerString = false
      if (this.#use === measure) this.#text.add(1)
    } else if (isScalarByte(byte)) this.#state = inScalar
    else {
      this.#state = malformed
      return
    }
    if (this.#use === capture && node !== undefined) this.#captures.open(node.slot, offset)
    else if (this.#use === watch) this.#watch.begin()
    this.#keep(bytes, at, at + 1)
  }

  /** Reads on, to the value's end if it is there. The document begins at `documentStart`, negative where in earlier bytes. */
  read(bytes: Uint8Array, start: number, end: number, documentStart: number): number {
    const at = this.#pass(bytes, start, end)
    this.#keep(bytes, start, at)
    if (this.#state === over) this.#finish(at, documentStart)
    return at
  }

  #pass(bytes: Uint8Array, start: number, end: number): number {
    if (this.#state === inString) return this.#passString(bytes, start, end)
    if (this.#state === inContainer) return this.#passContainer(bytes, start, end)
    const at = endOfScalar(bytes, start, end)
    if (at < end) this.#state = over
    return at
  }

  #passString(bytes: Uint8Array, start: number, end: number): number {
    const closing = this.#use === measure ? this.#measure(bytes, start, end) : this.#endOfString(bytes, start, end)
    if (this.#use === seal) this.#text.addSealed(closing - start)
    if (closing === end) return end
    this.#state = over
    return closing + 1
  }

  #measure(bytes: Uint8Array, start: number, end: number): number {
    let at = this.#text.measure(bytes, start, end)
    // Only lenient servers send control characters in strings.
    for (; at < end && bytes[at] !== quote; at = this.#text.measure(bytes, at + 1, end)) this.#text.add(1)
    return at
  }

  /** Where the closing quote stands, or `end`. */
  #endOfString(bytes: Uint8Array, start: number, end: number): number {
    const closing = endOfString(bytes, start, end, this.#isAfterBackslash)
    this.#isAfterBackslash = closing === -2
    return closing < 0 ? end : closing
  }

  #passContainer(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && this.#depth > 0) {
      if (this.#isInnerString) {
        const closing = this.#endOfString(bytes, at, end)
        this.#isInnerString = closing === end
        at = Math.min(end, closing + 1)
        continue
      }
      const byte = bytes[at] as number
      if (byte === quote) this.#isInnerString = true
      else if (byte === 0x7b || byte === openingBracket) this.#depth += 1
      else if (byte === 0x7d || byte === closingBracket) this.#depth -= 1
      else if (this.#isStrict && !isBetweenStrings(byte)) {
        this.#state = malformed
        break
      }
      at += 1
    }
    if (this.#use === measure) this.#text.add(at - start)
    if (this.#depth === 0) this.#state = over
    return at
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    if (!this.#isKept || this.#node === undefined) return
    if (this.#use === watch) this.#watch.add(bytes, from, to)
    else this.#isKept = this.#captures.append(this.#node.slot, bytes, from, to)
  }

  #finish(at: number, documentStart: number): void {
    const node = this.#node
    if (node !== undefined) {
      if (this.#use === capture && this.#isKept) this.#captures.close(node.slot)
      else if (this.#use === watch) this.#watch.endValue(node.watchedAs)
      else if (this.#use === locate) this.#located.set(node.locatedAs, { start: this.#offset, end: at - documentStart })
    }
    this.#shape?.note(this.#start, at, this.#use, node?.slot ?? -1)
  }
}
