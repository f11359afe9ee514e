/**
 * Decodes a coded body piece by piece: what a piece decodes to is handed on before more is read, so neither is collected.
 * A body may have several members (gzip members, zstd frames). Each has an engine of its own, because Node's streams lose
 * what they decoded, or what follows, where a member ends inside of a piece.
 */
import { constants, createBrotliDecompress, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib'
import { type ByteInput, createByteInput } from './byte-input.ts'
import type { ContentCoding } from './content-codings.ts'
import { createDecodingEngine, type DecodingEngine, type ZlibStream } from './decoding-engine.ts'
import { gzipMagic, type Passed, passGzipHeader, passGzipTrailer } from './gzip-member.ts'

/**
 * - `whole`: all of it was decoded
 * - `truncated`: it ended early; what came is decoded
 * - `trailing`: it is whole, and something follows that does not belong to it
 * - `malformed`: what came last could not be decoded
 * - `too_long`: it decodes to more than was allowed
 * - `stopped`: whoever takes what is decoded wants no more
 */
export type DecodeEnd = 'whole' | 'truncated' | 'trailing' | 'malformed' | 'too_long' | 'stopped'

export interface DecodeOptions {
  /** In the order in which they were applied. */
  readonly codings: readonly ContentCoding[]
  readonly maxBytes: number
  /** What it returns is awaited before more is decoded; `false` stops. */
  onDecoded(piece: Buffer): unknown
}

/** Each costs an engine. */
const maxMembers = 1024

type Pieces = AsyncIterable<Buffer> | Iterable<Buffer>

/** What of a zstd body is kept at most, as RFC 9659 bounds it for content codings: 8 MiB. */
const zstdWindowLog = 23
const zstdMagic = Buffer.of(0x28, 0xb5, 0x2f, 0xfd)

/** Rejects only with what the source or the sink throws. */
export async function decodeBody(coded: Pieces, { codings, maxBytes, onDecoded }: DecodeOptions): Promise<DecodeEnd> {
  const decoded = codings
    .toReversed()
    .reduce<Pieces>((pieces, coding) => bounded(decode(pieces, coding), maxBytes), coded)
  try {
    for await (const piece of decoded) if ((await onDecoded(piece)) === false) return 'stopped'
    return 'whole'
  } catch (error) {
    if (error instanceof Undecodable) return error.end
    throw error
  }
}

async function* decode(pieces: Pieces, coding: ContentCoding): AsyncGenerator<Buffer> {
  await using input = createByteInput(pieces)
  for (let members = 0; ; members += 1) {
    const first = await input.next()
    if (!first) return
    input.putBack(first)
    if (members === maxMembers) throw new Undecodable('malformed')
    if (members > 0 && !(await beginsMember(input, coding))) throw new Undecodable('trailing')
    if (coding === 'gzip') expectPassed(await passGzipHeader(input))
    using engine = createDecodingEngine(openStream(coding, first))
    yield* decodeMember(engine, input)
    if (coding === 'gzip') expectPassed(await passGzipTrailer(input))
  }
}

async function* decodeMember(engine: DecodingEngine, input: ByteInput): AsyncGenerator<Buffer> {
  for (;;) {
    const piece = await input.next()
    const takenBefore = engine.takenBytes
    try {
      yield* engine.run(piece)
    } catch (error) {
      throw new Undecodable(isEarlyEnd(error) ? 'truncated' : 'malformed', { cause: error })
    }
    if (!piece) return
    const taken = engine.takenBytes - takenBefore
    if (taken < piece.length) return input.putBack(piece.subarray(taken))
  }
}

/** Whether what follows a member is one more; only gzip and zstd have several. */
async function beginsMember(input: ByteInput, coding: ContentCoding): Promise<boolean> {
  const magic = coding === 'gzip' ? gzipMagic : coding === 'zstd' ? zstdMagic : undefined
  if (!magic) return false
  const start = await input.take(magic.length)
  if (start) input.putBack(start)
  return start?.equals(magic) ?? false
}

function openStream(coding: ContentCoding, first: Buffer): ZlibStream {
  switch (coding) {
    case 'gzip':
      return createInflateRaw()
    case 'deflate':
      // Some send it without the zlib header that RFC 9110 §8.4.1.2 wants; that begins with its method, 8.
      return (first.readUInt8() & 0x0f) === 8 ? createInflate() : createInflateRaw()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } })
  }
}

function expectPassed(passed: Passed): void {
  if (passed !== 'passed') throw new Undecodable(passed)
}

/** What `node:zlib` says at the end of an input that is not whole, for all codings. */
function isEarlyEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'Z_BUF_ERROR'
}

class Undecodable extends Error {
  readonly end: Exclude<DecodeEnd, 'whole'>

  constructor(end: Undecodable['end'], options?: ErrorOptions) {
    super(`a coded body is ${end}`, options)
    this.end = end
  }
}

async function* bounded(pieces: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    if (bytes > maxBytes) throw new Undecodable('too_long')
    yield piece
  }
}
