/**
 * A tap on a coded body: its bytes pass as they come, and the tap behind it is fed what they decode to. Decoding goes on beside
 * the stream, which is held only when too much waits to be decoded, or while the tap behind holds it.
 */
import { PassThrough } from 'node:stream'
import type { ContentCoding } from './content-codings.ts'
import { decodeBody } from './decode-body.ts'
import type { Extension } from './lease.ts'
import { proxyLimits } from './limits.ts'
import type { ResponseTap } from './passage.ts'

export interface CodedTap extends ResponseTap {
  /** The body is over; resolves once all that can be decoded was fed. Never rejects. */
  end(): Promise<void>
}

export interface CodedTapOptions {
  readonly codings: readonly ContentCoding[]
  /** Is fed what was decoded. Never throws. */
  readonly decoded: ResponseTap
  /** What comes from here on cannot be decoded, and so many coded bytes before it: `decoded` is fed coded bytes now. */
  onUndecodable(codedBytes: number): void
  /** Decoding failed as it never should; the body counts as undecodable. */
  onBug(error: unknown): void
}

export function createCodedTap({ codings, decoded, onUndecodable, onBug }: CodedTapOptions): CodedTap {
  const backlog = new PassThrough({ highWaterMark: proxyLimits.maxUndecodedBytes })
  const state: { kind: 'decoding' | 'undecodable' | 'over' } = { kind: 'decoding' }
  let fedBytes = 0
  let decodedBytes = 0
  let held: Promise<Extension> | undefined

  /** A piece counts as decoded when the next one is asked for. */
  async function* pieces(): AsyncGenerator<Buffer> {
    for await (const piece of backlog) {
      yield piece
      decodedBytes += piece.length
    }
  }

  const onDecoded = (piece: Buffer): Promise<void> | undefined => {
    const release = () => {
      held = undefined
    }
    held = decoded.feed(piece)
    return held?.then(release, release)
  }

  const decoding = decodeBody(pieces(), { codings, maxBytes: proxyLimits.maxDecodedAnswerBytes, onDecoded })
    .catch((error: unknown) => {
      onBug(error)
      return 'malformed' as const
    })
    .then((end) => {
      const isUndecodable = end === 'malformed' || end === 'too_long'
      state.kind = isUndecodable ? 'undecodable' : 'over'
      if (isUndecodable) onUndecodable(fedBytes - decodedBytes)
    })

  const untilRoom = async (): Promise<Extension> => {
    const { promise: drained, resolve } = Promise.withResolvers<void>()
    backlog.once('drain', resolve)
    await Promise.race([drained, decoding])
    return 'go'
  }

  return {
    feed(chunk) {
      if (state.kind === 'undecodable') return decoded.feed(chunk)
      // What follows a whole body is not part of it.
      if (state.kind === 'over' || backlog.writableEnded) return undefined
      fedBytes += chunk.length
      const hasRoom = backlog.write(chunk)
      return held ?? (hasRoom ? undefined : untilRoom())
    },
    async end() {
      backlog.end()
      await decoding
    },
  }
}
