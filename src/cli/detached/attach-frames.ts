/** What an attached terminal tells the process that holds the bottle: a letter, a length, and so many bytes. What comes back is bare output. */
import type { TerminalSize } from './detached-program.ts'

export type AttachFrame =
  | { readonly kind: 'typed'; readonly bytes: Buffer }
  | { readonly kind: 'size'; readonly size: TerminalSize }

/** Longer input is sent in several. */
export const maxFrameBytes = 16 * 1024
const headBytes = 5
const letters = { typed: 0x69, size: 0x73 } as const

export function* typedFrames(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += maxFrameBytes) {
    yield frame(letters.typed, bytes.subarray(from, from + maxFrameBytes))
  }
}

export function sizeFrame({ rows, columns }: TerminalSize): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt16BE(rows, 0)
  payload.writeUInt16BE(columns, 2)
  return frame(letters.size, payload)
}

function frame(letter: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeUInt8(letter, 0)
  head.writeUInt32BE(payload.length, 1)
  return Buffer.concat([head, payload])
}

export interface FrameReader {
  /** Throws a plain error for what is no frame. */
  push(bytes: Buffer): readonly AttachFrame[]
}

export function createFrameReader(): FrameReader {
  let rest: Buffer = Buffer.alloc(0)
  return {
    push(bytes) {
      rest = Buffer.concat([rest, bytes])
      const frames: AttachFrame[] = []
      while (rest.length >= headBytes) {
        const length = rest.readUInt32BE(1)
        if (length > maxFrameBytes) throw new Error(`a frame of ${length} bytes`)
        if (rest.length < headBytes + length) break
        frames.push(frameOf(rest.readUInt8(0), rest.subarray(headBytes, headBytes + length)))
        rest = rest.subarray(headBytes + length)
      }
      return frames
    },
  }
}

function frameOf(letter: number, payload: Buffer): AttachFrame {
  if (letter === letters.typed) return { kind: 'typed', bytes: payload }
  if (letter !== letters.size || payload.length !== 4) throw new Error('no frame of an attached terminal')
  // The kernel takes a size of nothing, and programs divide by it.
  const [rows, columns] = [payload.readUInt16BE(0), payload.readUInt16BE(2)].map((cells) => Math.max(1, cells))
  return { kind: 'size', size: { rows: rows ?? 1, columns: columns ?? 1 } }
}
