import { createRoomLine, type RoomLine } from './room-line.ts'

/** Rings when tokens were settled anywhere in this controller: room that was held may be free. */
export interface RoomBell {
  /** How often it rang: read before asking for room, so that no ring is missed in between. */
  readonly rings: number
  /** Of those who wait to begin. Streams that wait for more are in none: they already have a part of the room. */
  readonly line: RoomLine
  ring(): void
  /** Resolves once it has rung more often than `rings` says, or when the signal aborts; never rejects. */
  rungSince(rings: number, signal: AbortSignal): Promise<void>
}

export function createRoomBell(): RoomBell {
  let next = Promise.withResolvers<void>()
  let rings = 0
  return {
    line: createRoomLine(),
    get rings() {
      return rings
    },
    ring() {
      rings += 1
      next.resolve()
      next = Promise.withResolvers()
    },
    rungSince(seen, signal) {
      if (seen !== rings || signal.aborted) return Promise.resolve()
      const aborted = Promise.withResolvers<void>()
      const onAbort = () => aborted.resolve()
      signal.addEventListener('abort', onAbort, { once: true })
      return Promise.race([next.promise, aborted.promise]).finally(() => signal.removeEventListener('abort', onAbort))
    },
  }
}
