/**
 * Splits a JSON array that comes in any split into its elements, each scanned as a document of its own. Nothing of the
 * bytes is kept. What stands between elements is not looked at closely; what follows the array's end counts for nothing.
 */
import type { JsonScanner } from './json-scanner.ts'
import { closingBracket, comma, isBlank, openingBracket } from './json-syntax.ts'

const beforeArray = 0
const betweenElements = 1
const inElement = 2
const ended = 3

export interface JsonArrayTail {
  feed(chunk: Uint8Array): void
  /** The bytes are over; an element that is not is handed on as it is. Idempotent. */
  end(): void
}

/** `onElement` is called when the scanner has read an element, and resets it. */
export function createJsonArrayTail(scanner: JsonScanner, onElement: () => void): JsonArrayTail {
  let state = beforeArray
  return {
    feed(chunk) {
      let at = 0
      while (at < chunk.length && state !== ended) {
        const byte = chunk[at] as number
        if (state === inElement) at = readElement(chunk, at)
        else if (isBlank(byte) || (byte === comma && state === betweenElements)) at += 1
        else if (state === beforeArray) {
          state = byte === openingBracket ? betweenElements : ended
          at += 1
        } else state = byte === closingBracket ? ended : inElement
      }
    },
    end() {
      if (state === inElement) onElement()
      state = ended
    },
  }

  function readElement(chunk: Uint8Array, at: number): number {
    const end = scanner.readDocument(chunk, at, chunk.length)
    if (scanner.state === 'closed') {
      onElement()
      state = betweenElements
    }
    return end
  }
}
