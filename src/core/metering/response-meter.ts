/**
 * The meter that every wire format shares: bytes are scanned as they come, and when an event or a body is over, the
 * format's reader is shown the values that it asked for. What a format adds is two shapes and two readers.
 */
import { estimateOutputTokens } from './estimate.ts'
import type { BodyKind, MeterReading, ResponseMeter } from './format.ts'
import type { JsonPaths } from './json-paths.ts'
import { JsonScanner } from './json-scanner.ts'
import { SseTail } from './sse-tail.ts'
import { createTally, type Tally } from './tally.ts'

/** What was found in one event or body. */
export interface Found {
  /** The value at a captured path; absent and null are `undefined`. */
  value(path: string): unknown
  /** Something stands there that cannot be read: too big, or no JSON. */
  isUnreadable(path: string): boolean
  /** The document was seen to its last bracket. */
  readonly isWhole: boolean
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

export function createResponseMeter({ event, document }: ResponseShapes, kind: BodyKind): ResponseMeter {
  const { paths, createReader } = kind === 'json' ? document : event
  const tally = createTally()
  const read = createReader(tally)
  const scanner = new JsonScanner(paths)
  const readFound = (eventName?: string): void => {
    read({
      value: (path) => scanner.value(path),
      isUnreadable: (path) => scanner.isUnreadable(path),
      isWhole: scanner.state === 'closed',
      eventName,
      observedOutputTokens: estimateOutputTokens(scanner.textBytes),
    })
  }
  return { ...meters[kind](scanner, readFound), reading: () => readingOf(tally, scanner) }
}

type FeedAndEnd = Pick<ResponseMeter, 'feed' | 'end'>

const meters = { sse: meterEvents, json: meterDocument, messages: meterMessages }

function meterMessages(scanner: JsonScanner, readFound: () => void): FeedAndEnd {
  return {
    feed: (message) => {
      scanner.feed(message)
      readFound()
      scanner.reset()
    },
    end: () => {},
  }
}

function meterEvents(scanner: JsonScanner, readFound: (eventName?: string) => void): FeedAndEnd {
  let textBytesBefore = 0
  const tail: SseTail = new SseTail({
    data: (bytes, start, end) => scanner.feed(bytes, start, end),
    eventEnd: () => {
      const { asciiBytes, otherBytes } = scanner.textBytes
      const hasText = asciiBytes + otherBytes > textBytesBefore
      textBytesBefore = asciiBytes + otherBytes
      // An event of text that holds nothing but its type is a delta: the most frequent kind, and nothing else to read.
      if (!hasText || scanner.captureCount > 1) readFound(tail.eventName)
      scanner.reset()
    },
  })
  return { feed: (chunk) => tail.feed(chunk), end: () => tail.end() }
}

function meterDocument(scanner: JsonScanner, readFound: () => void): FeedAndEnd {
  let isRead = false
  return {
    feed: (chunk) => {
      if (!isRead) scanner.feed(chunk)
    },
    end: () => {
      if (!isRead) readFound()
      isRead = true
    },
  }
}

function readingOf(tally: Tally, scanner: JsonScanner): MeterReading {
  return {
    usage: { ...tally.usage },
    model: tally.model,
    phase: tally.phase,
    isFinal: tally.isFinal,
    observedOutputTokens: estimateOutputTokens(scanner.textBytes),
    anomalies: [...tally.anomalies],
  }
}
