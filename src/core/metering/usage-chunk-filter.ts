/**
 * Takes the chunk of usage without choices out of a stream of completions whose client did not ask for it (some crash on a
 * chunk without choices). Every other byte passes as it came. An event is held back only while it is half-written, which no
 * client can read either; its end decides, so no event waits for another one.
 */
import { asRecord } from './tally.ts'

/** A longer event is none of usage: from here on it passes as it comes. */
export const maxHeldBytes = 16 * 1024

const lineFeed = 0x0a
const carriageReturn = 0x0d
const emptyChoices = /"choices"\s*:\s*\[\s*\]/

export interface StreamFilter {
  /** Gives what may pass by now. */
  push(chunk: Buffer): Buffer
  /** The stream is over: what is left of an event. */
  end(): Buffer
}

export function createUsageChunkFilter(): StreamFilter {
  let held: Buffer[] = []
  let heldBytes = 0
  let isTooLong = false
  let isLineEmpty = true
  let isAfterCarriageReturn = false
  /** Between two events: whether the one before was taken out, and its last line feed may be still to come. */
  let ended: 'no' | 'passed' | 'dropped' = 'no'

  const hold = (piece: Buffer): readonly Buffer[] => {
    if (isTooLong) return [piece]
    held.push(piece)
    heldBytes += piece.length
    if (heldBytes <= maxHeldBytes) return []
    isTooLong = true
    return release()
  }
  const release = (): readonly Buffer[] => {
    const pieces = held
    held = []
    heldBytes = 0
    return pieces
  }
  const endEvent = (piece: Buffer): readonly Buffer[] => {
    const last = hold(piece)
    const pieces = [...last, ...release()]
    const isDropped = !isTooLong && isUsageChunk(pieces)
    isTooLong = false
    ended = isDropped ? 'dropped' : 'passed'
    return isDropped ? [] : pieces
  }

  return {
    push(chunk) {
      const passing: Buffer[] = []
      const endOfLine = lineEndsOf(chunk)
      let start = 0
      for (let at = 0; at < chunk.length; at++) {
        const byte = chunk[at]
        const isPairEnd = byte === lineFeed && isAfterCarriageReturn
        isAfterCarriageReturn = byte === carriageReturn
        if (isPairEnd) {
          if (ended === 'no') continue
          if (ended === 'passed') passing.push(chunk.subarray(start, at + 1))
          start = at + 1
          ended = 'no'
        } else if (byte !== lineFeed && byte !== carriageReturn) {
          isLineEmpty = false
          ended = 'no'
          at = endOfLine(at) - 1
        } else if (isLineEmpty) {
          passing.push(...endEvent(chunk.subarray(start, at + 1)))
          start = at + 1
        } else isLineEmpty = true
      }
      if (start < chunk.length) passing.push(...hold(chunk.subarray(start)))
      return joined(passing)
    },
    end() {
      const pieces = release()
      return isUsageChunk(pieces) ? joined([]) : joined(pieces)
    },
  }
}

/** Where the line ends that a position is in; to be asked in order. The runtime's search is faster than a loop. */
function lineEndsOf(chunk: Buffer): (at: number) => number {
  let nextFeed = -1
  let nextReturn = -1
  return (at) => {
    if (nextFeed < at) nextFeed = indexOrEnd(chunk, lineFeed, at)
    if (nextReturn < at) nextReturn = indexOrEnd(chunk, carriageReturn, at)
    return Math.min(nextFeed, nextReturn)
  }
}

function indexOrEnd(chunk: Buffer, byte: number, at: number): number {
  const found = chunk.indexOf(byte, at)
  return found === -1 ? chunk.length : found
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces
  return only && pieces.length === 1 ? only : Buffer.concat(pieces)
}

function isUsageChunk(pieces: readonly Buffer[]): boolean {
  const text = joined(pieces).toString()
  if (!emptyChoices.test(text)) return false
  const data = text
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length))
  try {
    const chunk = asRecord(JSON.parse(data.join('\n')))
    return Array.isArray(chunk?.choices) && chunk.choices.length === 0 && asRecord(chunk.usage) !== undefined
  } catch {
    return false
  }
}
