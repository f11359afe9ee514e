/**
 * The few values that a scanner keeps of one document, as bytes in one bounded buffer; decoded only when asked for.
 * A value beyond the ceiling is let go and remembered as too big.
 */
export const maxCapturedBytes = 32 * 1024

const firstBufferBytes = 256
/** The letters of `null`. */
const wordNull = 0x6e756c6c

/** A part of a document, in bytes from its start. */
export interface Span {
  readonly start: number
  readonly end: number
}

export class JsonCaptures {
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #tooBig: Uint8Array
  /** Where each value stood in the document. */
  readonly #offsets: Float64Array
  #buffer = Buffer.allocUnsafe(firstBufferBytes)
  /** Where the values stand: in the buffer, or in bytes of somebody else's. */
  #source: Buffer = this.#buffer
  #length = 0
  #count = 0

  constructor(slotCount: number) {
    this.#starts = new Int32Array(slotCount)
    this.#ends = new Int32Array(slotCount).fill(-1)
    this.#tooBig = new Uint8Array(slotCount)
    this.#offsets = new Float64Array(slotCount)
  }

  /** How many values are there. */
  get count(): number {
    return this.#count
  }

  get heldBytes(): number {
    return this.#buffer.length
  }

  reset(): void {
    this.#source = this.#buffer
    this.#length = 0
    this.#count = 0
    for (let slot = 0; slot < this.#ends.length; slot++) {
      this.#ends[slot] = -1
      this.#tooBig[slot] = 0
    }
  }

  /** A value begins; of two values at one place the last one counts. */
  open(slot: number, offset: number): void {
    if (this.#ends[slot] !== -1) {
      this.#count -= 1
      if (this.#ends[slot] === this.#length) this.#length = this.#starts[slot] as number
    }
    this.#ends[slot] = -1
    this.#tooBig[slot] = 0
    this.#starts[slot] = this.#length
    this.#offsets[slot] = offset
  }

  /** Returns false when the ceiling is reached: the value is let go. */
  append(slot: number, bytes: Uint8Array, from: number, to: number): boolean {
    const length = this.#length + to - from
    if (length > maxCapturedBytes) {
      this.#tooBig[slot] = 1
      this.#length = this.#starts[slot] as number
      return false
    }
    if (length > this.#buffer.length) this.#grow(length)
    for (let index = from, at = this.#length; index < to; index++, at++) this.#buffer[at] = bytes[index] as number
    this.#length = length
    return true
  }

  close(slot: number): void {
    this.#ends[slot] = this.#length
    this.#count += 1
  }

  /**
   * Takes a whole value where it stands, uncopied: until the next reset, and in bytes that hold all the others. Returns false
   * when the ceiling is reached.
   */
  borrow(slot: number, bytes: Buffer, start: number, end: number, offset: number): boolean {
    this.#length += end - start
    if (this.#length > maxCapturedBytes) return false
    if (this.#ends[slot] === -1) this.#count += 1
    this.#source = bytes
    this.#starts[slot] = start
    this.#ends[slot] = end
    this.#offsets[slot] = offset
    return true
  }

  isTooBig(slot: number): boolean {
    return this.#tooBig[slot] === 1
  }

  /** The bytes of a value as they stood in the document; `undefined` when it is absent, null or unfinished. */
  textOf(slot: number): string | undefined {
    const start = this.#starts[slot] as number
    const end = this.#ends[slot] as number
    if (end === -1 || this.#isNull(start, end)) return undefined
    return this.#source.toString('utf8', start, end)
  }

  /** In many events most values are null: not worth a string. */
  #isNull(start: number, end: number): boolean {
    return end - start === 4 && this.#source.readUInt32BE(start) === wordNull
  }

  /** Bytes of the document before a value, and up to its end; `undefined` when it is absent or unfinished. */
  spanOf(slot: number): Span | undefined {
    const end = this.#ends[slot] as number
    const offset = this.#offsets[slot] as number
    return end === -1 ? undefined : { start: offset, end: offset + end - (this.#starts[slot] as number) }
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(maxCapturedBytes, Math.max(length, this.#buffer.length * 2)))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
    this.#source = larger
  }
}
