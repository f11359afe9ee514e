import type { IncomingMessage } from 'node:http'

export type CollectedBody =
  | { readonly kind: 'body'; readonly chunks: readonly Buffer[]; readonly byteLength: number }
  | { readonly kind: 'too_long' }
  | { readonly kind: 'client_gone' }

/** Reads a whole request body up to a ceiling. Beyond it the rest is not read. Never rejects. */
export async function collectBody(request: IncomingMessage, maxBytes: number): Promise<CollectedBody> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { kind: 'too_long' }
  const chunks: Buffer[] = []
  let byteLength = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      byteLength += chunk.length
      if (byteLength > maxBytes) return { kind: 'too_long' }
      chunks.push(chunk)
    }
  } catch {
    return { kind: 'client_gone' }
  }
  return request.complete ? { kind: 'body', chunks, byteLength } : { kind: 'client_gone' }
}
