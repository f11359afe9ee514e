/**
 * The shape of an event: its bytes but for its values. Most events of a stream are of the shape of the one before: those are
 * read by comparing bytes, and their values are taken from where they stand, without following the structure again. An
 * event of another shape, or with a value that is not plain, is left to be scanned as if nobody had looked at it.
 */
import type { JsonCaptures } from './json-captures.ts'
import { endOfPlainContainer, endOfPlainString, endOfScalar, isBracket, quote } from './json-syntax.ts'
import { capture, measure, seal, skip, type Use } from './json-use.ts'
import type { TextMeter } from './text-meter.ts'

/** Events with more bytes beside their values, or with more values, are not remembered. */
export const maxShapeBytes = 1024
export const maxShapeValues = 32
/** A longer value is taken for one that varies. */
export const maxConstantBytes = 80

/** A shape that no event is of is given up at every so manieth event only: to remember one takes longer than to read it. */
const missesToForget = 4

/** In place of the first byte of a number or a literal, which may be any. */
const scalar = 0

interface NotedValue {
  start: number
  end: number
  use: Use
  slot: number
}

interface ShapeValue {
  /** How many bytes of the shape stand before it. */
  readonly offset: number
  readonly opening: number
  readonly use: Use
  readonly slot: number
}

/** Bytes that can be compared many at a time. */
export interface ViewedBytes {
  readonly bytes: Buffer
  readonly view: DataView
}

export interface ValueSinks {
  readonly captures: JsonCaptures
  readonly text: TextMeter
}

export class EventShape {
  readonly #bytes = Buffer.allocUnsafe(maxShapeBytes)
  readonly #view = viewOf(this.#bytes).view
  #length = 0
  #values: readonly ShapeValue[] = []
  /** Of each value of the event that was remembered: what it is where it belongs to the shape. */
  #constants: readonly (string | undefined)[] = []
  /** Where in the event its document begins. */
  #documentAt = 0
  /** Of the document that is being read; made once, for there is one with each value of each event. */
  readonly #noted: readonly NotedValue[] = Array.from({ length: maxShapeValues }, () => ({
    start: 0,
    end: 0,
    use: 0,
    slot: 0,
  }))
  #notedCount = 0
  /** Events that were of another shape since one was of this. */
  #missCount = 0

  get heldBytes(): number {
    return this.#constants.reduce((length, constant = '') => length + constant.length, this.#bytes.length)
  }

  /** Another document begins. */
  begin(): void {
    this.#notedCount = 0
  }

  /** A value of the document stands there, in the bytes that are being fed. */
  note(start: number, end: number, use: Use, slot: number): void {
    const value = this.#noted[this.#notedCount]
    this.#notedCount += 1
    if (value === undefined) return
    value.start = start
    value.end = end
    value.use = use
    value.slot = slot
  }

  /**
   * Takes the shape of the event that stands there, if it can be held, with what was noted of its document, which begins at
   * `documentStart`. A value that is only skipped belongs to the shape until it is seen to vary.
   */
  remember(bytes: Uint8Array, start: number, end: number, documentStart: number): boolean {
    this.#missCount += 1
    if (this.#length > 0 && this.#missCount % missesToForget !== 1) return false
    const noted = this.#noted.slice(0, this.#notedCount)
    // Only events of text come in numbers.
    if (this.#notedCount > maxShapeValues || !noted.some(({ use }) => use === measure || use === seal)) return false
    const constants = this.#constantsAmong(noted, bytes)
    const values = noted.filter((_, index) => constants[index] === undefined)
    if (values.reduce((length, value) => length - (value.end - value.start), end - start) > maxShapeBytes) return false
    this.#constants = constants
    this.#length = 0
    let at = start
    this.#values = values.map((value) => {
      this.#append(bytes, at, value.start)
      at = value.end
      const first = bytes[value.start] as number
      const opening = first === quote || isBracket(first) ? first : scalar
      return { offset: this.#length, opening, use: value.use, slot: value.slot }
    })
    this.#append(bytes, at, end)
    this.#documentAt = documentStart - start
    return true
  }

  /** What each value is, if it was always that as far as we know. */
  #constantsAmong(noted: readonly NotedValue[], bytes: Uint8Array): readonly (string | undefined)[] {
    const before = noted.length === this.#constants.length ? this.#constants : undefined
    return noted.map(({ start, end, use }, index) => {
      if (use !== skip || end - start > maxConstantBytes) return undefined
      const text = String.fromCharCode(...bytes.subarray(start, end))
      return before === undefined || text === before[index] ? text : undefined
    })
  }

  /** Reads an event of this shape. Returns where it ends; -1 where the one that begins there is of another. */
  read(viewed: ViewedBytes, start: number, sinks: ValueSinks): number {
    if (this.#length === 0) return -1
    const { asciiBytes, otherBytes, sealedBytes } = sinks.text.total
    const end = this.#match(viewed, start, sinks)
    if (end >= 0) this.#missCount = 0
    else {
      sinks.captures.reset()
      sinks.text.rewind(asciiBytes, otherBytes, sealedBytes)
    }
    return end
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++, this.#length++) this.#bytes[this.#length] = bytes[at] as number
  }

  #match(viewed: ViewedBytes, start: number, sinks: ValueSinks): number {
    const documentStart = start + this.#documentAt
    const values = this.#values
    let at = start
    let offset = 0
    for (let index = 0; index < values.length; index++) {
      const value = values[index] as ShapeValue
      at = this.#passSame(offset, value.offset, viewed, at)
      if (at >= 0) at = readValue(value, viewed, at, documentStart, sinks)
      if (at < 0) return -1
      offset = value.offset
    }
    return this.#passSame(offset, this.#length, viewed, at)
  }

  /** Where the bytes of the shape end that must stand at `start`; -1 where others do. Eight at a time, for most are these. */
  #passSame(from: number, to: number, { bytes, view }: ViewedBytes, start: number): number {
    if (start + to - from > bytes.length) return -1
    let offset = from
    let at = start
    for (; offset + 8 <= to; offset += 8, at += 8)
      if (this.#view.getBigUint64(offset) !== view.getBigUint64(at)) return -1
    for (; offset < to; offset++, at++) if (this.#bytes[offset] !== bytes[at]) return -1
    return at
  }
}

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): ViewedBytes {
  return { bytes: Buffer.from(buffer, byteOffset, byteLength), view: new DataView(buffer, byteOffset, byteLength) }
}

/** Returns where the value ends; -1 where another kind of value stands there, or not all of it. */
function readValue(
  { opening, use, slot }: ShapeValue,
  { bytes, view }: ViewedBytes,
  start: number,
  documentStart: number,
  { captures, text }: ValueSinks,
): number {
  let end: number
  if (opening === scalar) end = endOfScalar(bytes, start, bytes.length)
  else if (bytes[start] !== opening) return -1
  else if (opening !== quote) {
    end = endOfPlainContainer(bytes, start)
    if (use === measure && end >= 0) text.add(end - start)
  } else if (use === measure) {
    const closing = text.measure(bytes, start + 1, bytes.length, view)
    end = bytes[closing] === quote ? closing + 1 : -1
  } else {
    end = endOfPlainString(bytes, start)
    if (use === seal && end >= 0) text.addSealed(end - start - 2)
  }
  if (end < 0 || end === start || end === bytes.length) return -1
  if (use === capture && !captures.borrow(slot, bytes, start, end, start - documentStart)) return -1
  return end
}
