/**
 * The meter that every wire format shares: bytes are scanned as they come, and when an event or a body is over, the
 * format's reader is shown the values that it asked for. What a format adds is two shapes and two readers.
 */
import { estimateOutputTokens } from './estimate.ts'
import type { BodyKind, MeterReading, ResponseMeter } from './format.ts'
import { createJsonArrayTail } from './json-array-tail.ts'
import { EventShape, type ViewedBytes, viewOf } from './json-event-shape.ts'
import type { JsonPaths } from './json-paths.ts'
import { JsonScanner } from './json-scanner.ts'
import { isBlank, openingBracket } from './json-syntax.ts'
import { maxEventNameBytes, SseTail } from './sse-tail.ts'
import { createTally, type Tally } from './tally.ts'

/** What was found in one event or body. Only valid during the call. */
export interface Found {
  /** The value at a captured path; absent and null are `undefined`. */
  value(path: string): unknown
  /** Something stands there that cannot be read: too big, or no JSON. */
  isUnreadable(path: string): boolean
  /** The document was seen to its last bracket. */
  readonly isWhole: boolean
  readonly isObject: boolean
  readonly eventName: string | undefined
  /** Estimate of all output text seen in the response so far. */
  readonly observedOutputTokens: number
}

export interface DocumentShape {
  readonly paths: JsonPaths
  /** Makes the reader of one response; it may keep what it must know from one event to the next. */
  createReader(tally: Tally): (found: Found) => void
}

export interface ResponseShapes {
  readonly event: DocumentShape
  readonly document: DocumentShape
}

type FeedAndEnd = Pick<ResponseMeter, 'feed' | 'end'>

export function createResponseMeter({ event, document }: ResponseShapes, kind: BodyKind): ResponseMeter {
  const tally = createTally()
  let source = openSource(kind === 'json' ? document : event, tally)
  let fedBytes = 0
  let meter: FeedAndEnd | undefined = kind === 'json' ? undefined : eventMeters[kind](source)
  return {
    feed(chunk) {
      fedBytes += chunk.length
      meter ??= documentMeter(chunk)
      meter?.feed(chunk)
    },
    end: () => meter?.end(),
    reading() {
      const reading = readingOf(tally, source.scanner)
      return kind === 'json' && source.scanner.state === 'malformed' ? withBytes(reading, fedBytes) : reading
    },
    get heldBytes() {
      return source.scanner.heldBytes + maxEventNameBytes
    },
  }

  /** The first byte tells a document from a list of events that comes as one JSON array. */
  function documentMeter(chunk: Uint8Array): FeedAndEnd | undefined {
    const first = chunk.find((byte) => !isBlank(byte))
    if (first === undefined) return undefined
    if (first !== openingBracket) return meterDocument(source)
    source = openSource(event, tally)
    return meterArray(source)
  }
}

/** A scanner and the format's reader of what it finds. */
interface Source {
  readonly scanner: JsonScanner
  read(eventName?: string): void
}

function openSource({ paths, createReader }: DocumentShape, tally: Tally): Source {
  const scanner = new JsonScanner(paths, { shape: new EventShape() })
  const reader = createReader(tally)
  let name: string | undefined
  const found: Found = {
    value: (path) => scanner.value(path),
    isUnreadable: (path) => scanner.isUnreadable(path),
    get isWhole() {
      return scanner.state === 'closed'
    },
    get isObject() {
      return scanner.isObject
    },
    get eventName() {
      return name
    },
    get observedOutputTokens() {
      return estimateOutputTokens(scanner.textBytes)
    },
  }
  return {
    scanner,
    read(eventName) {
      name = eventName
      reader(found)
    },
  }
}

const eventMeters = { sse: meterEvents, messages: meterMessages }

function meterEvents({ scanner, read }: Source): FeedAndEnd {
  let textBytesBefore = 0
  let viewed: ViewedBytes | undefined
  /** Of the event that the scanner remembers. */
  let rememberedName: string | undefined
  const readEvent = (name: string | undefined) => {
    const { asciiBytes, otherBytes } = scanner.textBytes
    const hasText = asciiBytes + otherBytes > textBytesBefore
    textBytesBefore = asciiBytes + otherBytes
    // An event of text that holds nothing but its type is a delta: the most frequent kind, and nothing else to read.
    if (!hasText || scanner.captureCount > 1) read(name)
  }
  const tail: SseTail = new SseTail({
    wholeEvent: (chunk, start) => {
      viewed ??= viewOf(chunk)
      const end = scanner.readAlike(viewed, start)
      if (end < 0) return end
      readEvent(rememberedName)
      scanner.reset()
      return end
    },
    data: (bytes, start, end) => scanner.feed(bytes, start, end),
    eventEnd: (chunk, start, end) => {
      readEvent(tail.eventName)
      if (start >= 0 && scanner.remember(chunk, start, end)) rememberedName = tail.eventName
      scanner.reset()
    },
  })
  return {
    feed: (chunk) => {
      tail.feed(chunk)
      viewed = undefined
    },
    end: () => tail.end(),
  }
}

function meterMessages({ scanner, read }: Source): FeedAndEnd {
  return {
    feed: (message) => {
      const end = scanner.readAlike(viewOf(message), 0)
      scanner.feed(message, Math.max(0, end))
      read()
      scanner.remember(message, 0, message.length)
      scanner.reset()
    },
    end: () => {},
  }
}

function meterArray({ scanner, read }: Source): FeedAndEnd {
  return createJsonArrayTail(scanner, () => {
    read()
    scanner.reset()
  })
}

function meterDocument({ scanner, read }: Source): FeedAndEnd {
  let isRead = false
  return {
    feed: (chunk) => {
      if (!isRead) scanner.feed(chunk)
    },
    end: () => {
      if (!isRead) read()
      isRead = true
    },
  }
}

function readingOf(tally: Tally, scanner: JsonScanner): MeterReading {
  return {
    usage: { ...tally.usage },
    model: tally.model,
    responseId: tally.responseId,
    phase: tally.phase,
    isFinal: tally.isFinal,
    observedOutputTokens: estimateOutputTokens(scanner.textBytes),
    anomalies: [...tally.anomalies],
  }
}

/** A body that is no JSON says nothing of its output, and is not free: each byte counts. */
function withBytes(reading: MeterReading, bytes: number): MeterReading {
  const observedOutputTokens = Math.max(reading.observedOutputTokens, bytes)
  return { ...reading, observedOutputTokens, anomalies: [...reading.anomalies, 'the body is no JSON'] }
}
