/**
 * A coded answer cannot be searched as it passes. One that is small, or tells of an error, is held until it is whole, decoded, and
 * searched: where it has the credential it goes on without its coding, else exactly as it came.
 */
import { Readable } from 'node:stream'
import type { StreamFilter } from '../core/metering/usage-chunk-filter.ts'
import { type ContentCoding, readCodings } from './content-codings.ts'
import { decodeBody } from './decode-body.ts'
import { headerValues, withoutField } from './heads.ts'
import { proxyLimits } from './limits.ts'
import { isEventStream } from './passage.ts'
import type { AnswerHead, CallHandlers } from './upstream-call.ts'

/** A new one for each body; `undefined` where there is nothing to look for. */
export type OpenMask = () => StreamFilter | undefined

/** The handlers of a call whose coded answers are screened before they are handed on. */
export function screened(handlers: CallHandlers, openMask: OpenMask): CallHandlers {
  return {
    ...handlers,
    onAnswer(head, body) {
      const codings = codingsOf(head)
      const mask = codings.length > 0 && isScreened(head) ? openMask() : undefined
      if (!mask) return handlers.onAnswer(head, body)
      collect(body, {
        onLonger: () => handlers.onAnswer(head, body),
        async onWhole(coded) {
          const clean = await withoutCredential(coded, codings, mask)
          if (clean) handlers.onAnswer(uncoded(head, clean.length), Readable.from([clean], { objectMode: false }))
          else handlers.onAnswer(head, Readable.from([coded], { objectMode: false }))
        },
      })
    },
  }
}

function codingsOf({ rawHeaders }: AnswerHead): readonly ContentCoding[] {
  return readCodings(headerValues(rawHeaders, 'content-encoding')) ?? []
}

function isScreened(head: AnswerHead): boolean {
  const { statusCode = 0, headers } = head
  const announcedBytes = Number(headers['content-length'] ?? Infinity)
  return !isEventStream(head) && (statusCode >= 400 || announcedBytes <= proxyLimits.maxScreenedBytes)
}

/** Neither is called for a body that breaks off, which the call itself tells of. */
interface Collected {
  /** In the same turn; the body begins anew. */
  onLonger(): void
  onWhole(coded: Buffer): unknown
}

function collect(body: Readable, { onLonger, onWhole }: Collected): void {
  const chunks: Buffer[] = []
  let bytes = 0
  const onData = (chunk: Buffer) => {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes <= proxyLimits.maxScreenedBytes) return
    body.off('data', onData).off('end', onEnd)
    onLonger()
    body.unshift(Buffer.concat(chunks))
  }
  const onEnd = () => onWhole(Buffer.concat(chunks))
  body.on('data', onData).once('end', onEnd)
}

/** What it decodes to, with the credential overwritten; `undefined` where it has none. */
async function withoutCredential(
  coded: Buffer,
  codings: readonly ContentCoding[],
  mask: StreamFilter,
): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  const maxBytes = proxyLimits.maxScreenedDecodedBytes
  await decodeBody([coded], { codings, maxBytes, onDecoded: (piece) => void pieces.push(piece) })
  const decoded = Buffer.concat(pieces)
  const clean = Buffer.concat([mask.push(decoded), mask.end()])
  return clean.equals(decoded) ? undefined : clean
}

function uncoded({ statusCode, statusMessage, headers, rawHeaders }: AnswerHead, bytes: number): AnswerHead {
  const { 'content-encoding': _, ...rest } = headers
  const raw = ['content-encoding', 'content-length'].reduce(withoutField, rawHeaders)
  const length = String(bytes)
  return {
    statusCode,
    statusMessage,
    headers: { ...rest, 'content-length': length },
    rawHeaders: [...raw, 'content-length', length],
  }
}
