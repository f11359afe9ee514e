/**
 * Splits an event stream (WHATWG HTML, "server-sent events") that comes in any split: LF, CR and CRLF, a leading BOM,
 * comments, several data lines to an event, and a last event without its blank line.
 *
 * Nothing of the data is kept or copied: each piece of a data line is handed on as it arrives, so an event may be of any
 * size. Per stream the tail holds a field name and an event name, both bounded.
 */
export interface SseSink {
  /** An event begins there. Returns where it ends, blank line included, if the sink has read it by itself; otherwise -1. */
  wholeEvent?(chunk: Uint8Array, start: number): number
  /** A piece of the current event's data. The bytes are only valid during the call. */
  data(bytes: Uint8Array, start: number, end: number): void
  /** The event is over, or the stream ended inside it. It stands there in the chunk, if it came whole in one: else `start` is -1. */
  eventEnd(chunk: Uint8Array, start: number, end: number): void
}

/** Longer event names are cut; the protocols' own have at most half of it. */
export const maxEventNameBytes = 96

const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const space = 0x20

const atLineStart = 0
const inFieldName = 1
const beforeValue = 2
const inData = 3
const inEventName = 4
const inIgnored = 5

const byteOrderMark = Uint8Array.of(0xef, 0xbb, 0xbf)
const nothing = Buffer.alloc(0)
const newline = Uint8Array.of(lineFeed)
const dataField = Uint8Array.from('data', (letter) => letter.charCodeAt(0))
const eventField = Uint8Array.from('event', (letter) => letter.charCodeAt(0))

export class SseTail {
  readonly #sink: SseSink
  readonly #eventName = Buffer.allocUnsafe(maxEventNameBytes)
  #eventNameLength = 0
  #state = atLineStart
  /** The field that the line's name can still become. */
  #field: Uint8Array | undefined
  #fieldLength = 0
  #hasData = false
  /** Where the event begins in the current chunk; -1 where in one before. */
  #eventStart = 0
  #isBetweenEvents = true
  #isAfterCarriageReturn = false
  /** Bytes of the BOM seen at the start of the stream; -1 once the start is behind. */
  #markLength = 0
  /** Positions in the current chunk; stale when behind what was read. */
  #nextLineFeed = -1
  #nextCarriageReturn = -1

  constructor(sink: SseSink) {
    this.#sink = sink
  }

  /** The name of the current event; in `eventEnd`, of the one that ended. */
  get eventName(): string | undefined {
    return this.#eventNameLength === 0 ? undefined : this.#eventName.toString('utf8', 0, this.#eventNameLength)
  }

  feed(bytes: Uint8Array): void {
    const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#nextLineFeed = -1
    this.#nextCarriageReturn = -1
    this.#eventStart = -1
    let at = this.#markLength >= 0 ? this.#skipMark(chunk) : 0
    if (this.#isAfterCarriageReturn && at < chunk.length) {
      if (chunk[at] === lineFeed) at += 1
      this.#isAfterCarriageReturn = false
    }
    while (at < chunk.length) {
      switch (this.#state) {
        case atLineStart:
          at = this.#readLineStart(chunk, at)
          break
        case inFieldName:
          at = this.#readFieldName(chunk, at)
          break
        case beforeValue:
          if (chunk[at] === space) at += 1
          this.#beginValue()
          break
        default:
          at = this.#readValue(chunk, at)
      }
    }
  }

  /** The stream is over; an event that lacks its blank line is handed on. Idempotent. */
  end(): void {
    this.#eventStart = -1
    if (this.#hasData || this.#state === inData) this.#endEvent(nothing, 0)
    this.#state = atLineStart
  }

  #skipMark(chunk: Buffer): number {
    let at = 0
    while (at < chunk.length && this.#markLength < byteOrderMark.length) {
      if (chunk[at] !== byteOrderMark[this.#markLength]) {
        // The few bytes that only looked like a BOM belong to a field name that means nothing to anyone.
        if (this.#markLength > 0) this.#beginLine(undefined)
        this.#markLength = -1
        return at
      }
      this.#markLength += 1
      at += 1
    }
    if (this.#markLength === byteOrderMark.length) this.#markLength = -1
    return at
  }

  #readLineStart(chunk: Buffer, at: number): number {
    if (this.#isBetweenEvents) {
      const end = this.#sink.wholeEvent?.(chunk, at) ?? -1
      if (end >= 0) return end
      this.#eventStart = at
      this.#isBetweenEvents = false
    }
    const first = chunk[at]
    if (first === lineFeed || first === carriageReturn) {
      const next = this.#afterLineEnd(chunk, at)
      this.#endEvent(chunk, next)
      return next
    }
    this.#beginLine(first === dataField[0] ? dataField : first === eventField[0] ? eventField : undefined)
    return at
  }

  #readFieldName(chunk: Buffer, start: number): number {
    let at = start
    for (; at < chunk.length; at++) {
      const byte = chunk[at] as number
      if (byte === colon) {
        if (this.#field?.length !== this.#fieldLength) this.#field = undefined
        this.#state = beforeValue
        return at + 1
      }
      if (byte === lineFeed || byte === carriageReturn) {
        this.#state = atLineStart
        return this.#afterLineEnd(chunk, at)
      }
      if (this.#field !== undefined && this.#field[this.#fieldLength] !== byte) this.#field = undefined
      this.#fieldLength += 1
    }
    return at
  }

  #beginLine(field: Uint8Array | undefined): void {
    this.#state = inFieldName
    this.#field = field
    this.#fieldLength = 0
  }

  #beginValue(): void {
    if (this.#field === dataField) {
      this.#state = inData
      if (this.#hasData) this.#sink.data(newline, 0, 1)
      this.#hasData = true
    } else if (this.#field === eventField) {
      this.#state = inEventName
      this.#eventNameLength = 0
    } else {
      this.#state = inIgnored
    }
  }

  #readValue(chunk: Buffer, start: number): number {
    const end = this.#endOfLine(chunk, start)
    if (this.#state === inData) {
      if (end > start) this.#sink.data(chunk, start, end)
    } else if (this.#state === inEventName) {
      for (let at = start; at < end && this.#eventNameLength < maxEventNameBytes; at++, this.#eventNameLength++)
        this.#eventName[this.#eventNameLength] = chunk[at] as number
    }
    if (end === chunk.length) return end
    this.#state = atLineStart
    return this.#afterLineEnd(chunk, end)
  }

  /** Where the next line begins, given where the line's end stands. */
  #afterLineEnd(chunk: Buffer, at: number): number {
    if (chunk[at] === lineFeed) return at + 1
    if (at + 1 === chunk.length) this.#isAfterCarriageReturn = true
    return chunk[at + 1] === lineFeed ? at + 2 : at + 1
  }

  #endEvent(chunk: Buffer, end: number): void {
    if (this.#hasData) this.#sink.eventEnd(chunk, this.#eventStart, end)
    this.#hasData = false
    this.#eventNameLength = 0
    this.#isBetweenEvents = true
  }

  /** The runtime's search is faster than a loop here; what it found beyond this line is kept for the next. */
  #endOfLine(chunk: Buffer, start: number): number {
    if (this.#nextLineFeed < start) this.#nextLineFeed = indexOrEnd(chunk, lineFeed, start)
    if (this.#nextCarriageReturn < start) this.#nextCarriageReturn = indexOrEnd(chunk, carriageReturn, start)
    return Math.min(this.#nextLineFeed, this.#nextCarriageReturn)
  }
}

function indexOrEnd(chunk: Buffer, byte: number, start: number): number {
  const found = chunk.indexOf(byte, start)
  return found === -1 ? chunk.length : found
}
