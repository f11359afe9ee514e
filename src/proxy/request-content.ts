/** What a request says beneath its content coding: this is read and estimated, while the body is sent on as it came. */
import type { Refusal } from './answer.ts'
import type { BodyShare } from './body-quota.ts'
import { type ContentCoding, readCodings } from './content-codings.ts'
import { type DecodeEnd, decodeBody } from './decode-body.ts'
import { headerValues, type RawHeaders } from './heads.ts'
import { proxyLimits } from './limits.ts'

/** Safety: not deflate, which is read with or without a header of its own, so that two servers may read two different bodies. */
const requestCodings: readonly ContentCoding[] = ['gzip', 'br', 'zstd']
const maxNamedCharacters = 100

export interface CodedRequest {
  readonly rawHeaders: RawHeaders
  readonly body: readonly Buffer[]
  /** Is charged with what is decoded. */
  readonly share: BodyShare
}

export type RequestContent =
  | { readonly kind: 'content'; readonly chunks: readonly Buffer[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export async function readContent({ rawHeaders, body, share }: CodedRequest): Promise<RequestContent> {
  // Safety: some servers read `_` as `-`, as in `heads.ts`.
  const fields = ['content-encoding', 'content_encoding'].flatMap((name) => headerValues(rawHeaders, name))
  const codings = readCodings(fields)
  if (!codings?.every((coding) => requestCodings.includes(coding))) {
    const named = fields.join(', ').slice(0, maxNamedCharacters)
    const reason = `the body is in the coding ${named}, and what is read here is ${requestCodings.join(', ')}`
    return refused(415, 'coding_unknown', reason)
  }
  if (codings.length === 0) return { kind: 'content', chunks: body }
  const chunks: Buffer[] = []
  const end = await decodeBody(body, {
    codings,
    maxBytes: proxyLimits.maxDecodedRequestBytes,
    onDecoded: (piece) => share.take(piece.length) && chunks.push(piece),
  })
  return end === 'whole' ? { kind: 'content', chunks } : refusalOf(end)
}

function refusalOf(end: Exclude<DecodeEnd, 'whole'>): RequestContent {
  switch (end) {
    case 'too_long':
      return refused(
        413,
        'request_too_long',
        `the body decodes to more than ${proxyLimits.maxDecodedRequestBytes} bytes`,
      )
    case 'stopped': {
      const reason = `the requests in flight of this bottle, decoded, hold more than ${proxyLimits.maxBodiesBytes} bytes`
      return refused(413, 'requests_too_long', reason)
    }
    case 'truncated':
      return refused(400, 'undecodable', 'the body ends before its content coding does')
    case 'trailing':
      return refused(400, 'undecodable', 'after the end of its content coding the body goes on')
    case 'malformed':
      return refused(400, 'undecodable', 'the body is not in the content coding that it names')
  }
}

function refused(status: number, code: string, reason: string): RequestContent {
  return { kind: 'refused', refusal: { status, code, reason } }
}
