/** One of Node's decompressing streams, run piece by piece: what a piece gives is read before the next one is written. */
import type { Transform } from 'node:stream'

/** What Node's streams of `node:zlib` have in common. */
export interface ZlibStream extends Transform {
  /** How much of its input it has taken. */
  readonly bytesWritten: number
}

export interface DecodingEngine extends Disposable {
  readonly takenBytes: number
  /** Yields what the piece decodes to. `undefined` is the end of the input. Throws what `node:zlib` finds wrong, last of all. */
  run(piece: Buffer | undefined): AsyncGenerator<Buffer, void>
}

export function createDecodingEngine(stream: ZlibStream): DecodingEngine {
  let bell = Promise.withResolvers<void>()
  let isIdle = true
  let failure: Error | undefined
  const ring = () => {
    bell.resolve()
    bell = Promise.withResolvers()
  }
  const rest = () => {
    isIdle = true
    ring()
  }
  stream.on('readable', ring).once('end', rest)
  stream.on('error', (error) => {
    failure ??= error
    ring()
  })

  return {
    get takenBytes() {
      return stream.bytesWritten
    },
    async *run(piece) {
      isIdle = false
      if (piece) stream.write(piece, rest)
      else stream.end()
      for (;;) {
        const { promise: rung } = bell
        // Also after an error: what was decoded before it is still there.
        const decoded: Buffer | null = stream.read()
        if (decoded !== null) yield decoded
        else if (failure) throw failure
        else if (isIdle) return
        else await rung
      }
    },
    [Symbol.dispose]() {
      stream.destroy()
    },
  }
}
