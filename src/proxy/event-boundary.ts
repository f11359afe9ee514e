/**
 * Follows where the events of a stream end, so that a cut can put its own event after a whole one: bytes that follow a half
 * event would spoil it for the client's parser. An event ends with an empty line (LF, CRLF or CR).
 */
export interface EventBoundary {
  /** True when what was pushed so far ends with a whole event, or nothing was pushed. */
  readonly isAtEnd: boolean
  push(chunk: Uint8Array): void
  /** Number of bytes of `chunk` up to and with the end of the event that is open; -1 if it does not end there. */
  endWithin(chunk: Uint8Array): number
}

export function createEventBoundary(): EventBoundary {
  /** The last four bytes, the newest lowest. */
  let last = 0x0a0a
  return {
    get isAtEnd() {
      return endsEvent(last)
    },
    push(chunk) {
      for (let index = Math.max(0, chunk.length - 4); index < chunk.length; index += 1)
        last = shifted(last, chunk[index])
    },
    endWithin(chunk) {
      let window = last
      for (let index = 0; index < chunk.length; index += 1) {
        window = shifted(window, chunk[index])
        if (endsEvent(window)) return index + 1
      }
      return -1
    },
  }
}

function shifted(window: number, byte = 0): number {
  return ((window << 8) | byte) >>> 0
}

function endsEvent(last: number): boolean {
  return (
    (last & 0xffff) === 0x0a0a || (last & 0xffff) === 0x0d0d || last === 0x0d0a0d0a || (last & 0xffffff) === 0x0a0d0a
  )
}
