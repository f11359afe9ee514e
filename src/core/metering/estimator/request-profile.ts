/**
 * One cheap pass over a request body: its features, and marks of its pieces by which the same content is known again.
 *
 * A body is cut after a `{"`, which stands before every message, block and tool and hardly elsewhere, since a quote inside
 * of a string is escaped; once a piece is long enough. Of a long body only every n-th byte is looked at, counted from the start of its piece: the same
 * content gives the same counts and the same mark wherever it stands, in whatever chunks the body came (but for a line of
 * base64 at the edge of a chunk). Marks are no cryptographic hashes: who makes two pieces look alike misleads the estimates
 * of their own requests only.
 */
import { classCount, classOfByte, type Features } from './byte-features.ts'

export interface RequestProfile {
  /** Bytes are estimated from the sample. */
  readonly features: Features
  /** Of the first `maxPieces` pieces, in order. */
  readonly marks: readonly number[]
  readonly totalBytes: number
}

/** Later ones cannot be known again. At least 4 MB. */
export const maxPieces = 2048

const minPieceBytes = 2048
/** Bodies up to this length are counted whole. */
const fullCountBytes = 2048
/** Of each group of samples in turn: lines of one length are not looked at in the same places all along. */
const longBodyStrides = [12, 11, 13]
const shortBodyStrides = [1]
/** About so many bytes whose samples are all plain, a quarter of them no lower-case letter, are encoded content. */
const groupBytes = 216
/** Encoded content from this length on is an image or a document. */
const minBlobBytes = 3 * 1024
const pieceStart = '{"'
const brace = 0x7b
const quote = 0x22
const backslash = 0x5c
/** A mark is hash × this + length: together the 53 bits of a safe integer. */
const markBytes = 2 ** 21
const hashSeed = 0x811c9dc5
const hashFactor = 0x01000193

// The plain classes, as they stand in `featureNames`.
const lower = 0
const upper = 1
const digit = 2
const joiner = 3

export function profileRequest(body: readonly Uint8Array[]): RequestProfile {
  const totalBytes = body.reduce((total, chunk) => total + chunk.length, 0)
  const reader = new ProfileReader(totalBytes <= fullCountBytes ? shortBodyStrides : longBodyStrides)
  for (const chunk of body) reader.feed(chunk)
  return { ...reader.end(), totalBytes }
}

/** The length of the piece that a mark stands for. */
export function pieceBytesOf(mark: number): number {
  return mark % markBytes
}

class ProfileReader {
  readonly #strides: readonly number[]
  /** The first is their mean. */
  readonly #meanStride: number
  readonly #groupSamples: number
  #stride: number
  #group = 0
  readonly #marks: number[] = []
  #hash = hashSeed
  #pieceBytes = 0
  /** From the next byte to the next sample. */
  #skip = 0
  #isAfterBrace = false
  /** Samples by class, those of the current group included. */
  readonly #counts = new Int32Array(classCount)
  /** The counts of plain classes before the current group. */
  readonly #before = new Int32Array(joiner + 1)
  #samplesLeft: number
  /** In the current chunk; stale when behind what was read. */
  #nextBackslash = -1
  /** Encoded groups in a row, up to the current one. */
  #encodedGroups = 0
  #sealedBytes = 0
  #blobBytes = 0
  #blobs = 0

  constructor(strides: readonly number[]) {
    this.#strides = strides
    this.#meanStride = strides[0] ?? 1
    this.#stride = this.#meanStride
    this.#groupSamples = groupBytes / this.#meanStride
    this.#samplesLeft = this.#groupSamples
  }

  feed(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    this.#nextBackslash = -1
    for (let at = 0; at < bytes.length; ) {
      const cut = this.#nextCut(bytes, at)
      const end = cut === -1 ? bytes.length : cut
      this.#sample(bytes, at, end)
      this.#pieceBytes += end - at
      if (cut !== -1) this.#endPiece()
      at = end
    }
    if (bytes.length > 0) this.#isAfterBrace = bytes.at(-1) === brace
  }

  end(): Pick<RequestProfile, 'features' | 'marks'> {
    if (this.#pieceBytes > 0) this.#endPiece()
    const classBytes = Array.from(this.#counts, (samples) => samples * this.#meanStride)
    // In the order of `featureNames`.
    const features = Float64Array.of(...classBytes, this.#sealedBytes, this.#blobBytes, this.#blobs)
    return { features, marks: this.#marks }
  }

  /** Where the piece ends, or -1 when it goes on in the next chunk. */
  #nextCut(bytes: Buffer, at: number): number {
    const missing = Math.max(0, minPieceBytes - this.#pieceBytes)
    // A brace that ended the chunk before, where it may end a piece as it may within one.
    if (at === 0 && this.#isAfterBrace && this.#pieceBytes > minPieceBytes && bytes[0] === quote) return 1
    const found = at + missing < bytes.length ? bytes.indexOf(pieceStart, at + missing, 'latin1') : -1
    return found === -1 ? -1 : found + pieceStart.length
  }

  /** The hot loop. */
  #sample(bytes: Buffer, start: number, end: number): void {
    const counts = this.#counts
    const classes = classOfByte
    let hash = this.#hash
    let at = start + this.#skip
    while (at < end) {
      const stride = this.#stride
      const first = at
      const groupEnd = at + this.#samplesLeft * stride
      const stop = groupEnd < end ? groupEnd : end
      for (; at < stop; at += stride) {
        const byte = bytes[at] as number
        const feature = classes[byte] as number
        counts[feature] = (counts[feature] as number) + 1
        hash = Math.imul(hash ^ byte, hashFactor)
      }
      if (at >= groupEnd) this.#endGroup(bytes, first, end)
      else this.#samplesLeft -= (at - first) / stride
    }
    this.#hash = hash
    this.#skip = at - end
  }

  /** The group ends in these bytes, and may have begun before them. */
  #endGroup(bytes: Buffer, start: number, end: number): void {
    const rareSamples = this.#sinceGroupStart(upper) + this.#sinceGroupStart(digit) + this.#sinceGroupStart(joiner)
    const plainSamples = this.#sinceGroupStart(lower) + rareSamples
    const isPlain = plainSamples === this.#groupSamples && rareSamples * 4 >= plainSamples
    if (isPlain && !this.#findsBackslash(bytes, start, Math.min(end, start + groupBytes))) {
      this.#encodedGroups += 1
      this.#counts.set(this.#before)
    } else this.#endRun()
    this.#beginGroup(this.#group + 1)
  }

  /** Between plain samples it is a line break: a text in base64, which is billed as text. */
  #findsBackslash(bytes: Buffer, start: number, end: number): boolean {
    if (this.#nextBackslash < start) {
      const found = bytes.indexOf(backslash, start)
      this.#nextBackslash = found === -1 ? bytes.length : found
    }
    return this.#nextBackslash < end
  }

  #sinceGroupStart(index: number): number {
    return (this.#counts[index] as number) - (this.#before[index] as number)
  }

  #beginGroup(group: number): void {
    this.#group = group
    this.#stride = this.#strides[group % this.#strides.length] as number
    for (let index = lower; index <= joiner; index++) this.#before[index] = this.#counts[index] as number
    this.#samplesLeft = this.#groupSamples
  }

  #endRun(): void {
    if (this.#encodedGroups === 0) return
    const bytes = this.#encodedGroups * groupBytes
    this.#encodedGroups = 0
    if (bytes < minBlobBytes) this.#sealedBytes += bytes
    else {
      this.#blobBytes += bytes
      this.#blobs += 1
    }
  }

  #endPiece(): void {
    this.#endRun()
    this.#beginGroup(0)
    if (this.#marks.length < maxPieces)
      this.#marks.push((this.#hash >>> 0) * markBytes + Math.min(this.#pieceBytes, markBytes - 1))
    this.#hash = hashSeed
    this.#pieceBytes = 0
    this.#skip = 0
  }
}
