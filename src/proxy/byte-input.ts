/** A sequence of pieces that is read by the piece or by the byte. Disposing it ends the sequence where it stands. */
export interface ByteInput extends AsyncDisposable {
  /** The next piece; `undefined` at the end. Never empty. */
  next(): Promise<Buffer | undefined>
  /** What was read too far is read again. */
  putBack(piece: Buffer): void
  /** Exactly so many bytes; `undefined` where fewer are left. For few bytes: they are collected. */
  take(byteCount: number): Promise<Buffer | undefined>
}

export function createByteInput(pieces: AsyncIterable<Buffer> | Iterable<Buffer>): ByteInput {
  const iterator = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
  let ahead: Buffer | undefined

  const next = async (): Promise<Buffer | undefined> => {
    let piece = ahead
    ahead = undefined
    while (piece === undefined || piece.length === 0) {
      const read = await iterator.next()
      if (read.done) return undefined
      piece = read.value
    }
    return piece
  }

  return {
    next,
    putBack(piece) {
      ahead = ahead === undefined ? piece : Buffer.concat([piece, ahead])
    },
    async take(byteCount) {
      const taken: Buffer[] = []
      for (let missing = byteCount; missing > 0; ) {
        const piece = await next()
        if (piece === undefined) return undefined
        taken.push(piece.subarray(0, missing))
        if (piece.length > missing) ahead = piece.subarray(missing)
        missing -= Math.min(missing, piece.length)
      }
      return Buffer.concat(taken)
    },
    async [Symbol.asyncDispose]() {
      await iterator.return?.()
    },
  }
}
