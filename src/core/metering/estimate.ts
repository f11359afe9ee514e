/**
 * Tokens from bytes, without a tokenizer. Text is counted by two classes of bytes, because a byte of CJK, Cyrillic or
 * emoji (two to four bytes a character) makes more tokens than a byte of English, code or JSON.
 *
 * Bias, on purpose: input is estimated high, because it is a hold that the provider's count replaces; output is estimated
 * near its mean, because it is what a cut stream is charged. Known errors: base64 content (images, documents), which
 * providers bill by pixels or pages, is only guessed; output that is never sent as text (hidden reasoning) is not seen.
 */
import { countBase64Bytes } from './base64-bytes.ts'
import type { TextBytes } from './text-meter.ts'

/** A request body in JSON: prose, code, tool schemas and the envelope around them. */
export const asciiBytesPerInputToken = 3.5
/** Decoded text of an answer; measured on recorded answers: 2.9 to 3.2 bytes a token at Anthropic, 3.8 at OpenAI. */
export const asciiBytesPerOutputToken = 3.2
export const otherBytesPerToken = 2.5
/** Between an image (about 1,600 tokens whatever its bytes) and a document (about 2,000 a page). */
const base64BytesPerToken = 64

/** Of bodies beyond this, every n-th byte is looked at: a share of bytes needs no more. */
const fullCountBytes = 16 * 1024
const sampleStride = 17

export function estimateInputTokens(body: readonly Uint8Array[]): number {
  let totalBytes = 0
  for (const chunk of body) totalBytes += chunk.length
  const isLong = totalBytes > fullCountBytes
  const base64Bytes = isLong ? countBase64Bytes(body) : 0
  const otherBytes = Math.round(totalBytes * shareBeyondAscii(body, isLong ? sampleStride : 1))
  const asciiBytes = totalBytes - otherBytes - base64Bytes
  return Math.ceil(
    asciiBytes / asciiBytesPerInputToken + otherBytes / otherBytesPerToken + base64Bytes / base64BytesPerToken,
  )
}

export function estimateOutputTokens({ asciiBytes, otherBytes }: Readonly<TextBytes>): number {
  return Math.ceil(asciiBytes / asciiBytesPerOutputToken + otherBytes / otherBytesPerToken)
}

function shareBeyondAscii(body: readonly Uint8Array[], stride: number): number {
  let seen = 0
  let beyond = 0
  let at = 0
  for (const chunk of body) {
    for (; at < chunk.length; at += stride) {
      seen += 1
      if ((chunk[at] as number) >= 0x80) beyond += 1
    }
    at -= chunk.length
  }
  return seen === 0 ? 0 : beyond / seen
}
