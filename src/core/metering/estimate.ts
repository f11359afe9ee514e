/**
 * Tokens of an answer's text from its bytes, near their mean: it is what a cut stream is charged. Text is counted by two
 * classes of bytes, because a byte of CJK, Cyrillic or emoji (two to four bytes a character) makes more tokens than one of
 * English, code or JSON. Reasoning that is sent in no form, not even encrypted, is not seen.
 */
import type { TextBytes } from './text-meter.ts'

/** Measured on recorded answers: 2.9 to 3.2 bytes a token at Anthropic, 3.8 at OpenAI. */
export const asciiBytesPerOutputToken = 3.2
export const otherBytesPerToken = 2.5
/**
 * Encrypted reasoning in base64. Recorded: 4.6 to 8.8 bytes a token at Gemini, at OpenAI 850 bytes around next to nothing. Some
 * of it is in the text too, as a summary; so the high end.
 */
const sealedBytesPerToken = 8

export function estimateOutputTokens({ asciiBytes, otherBytes, sealedBytes }: Readonly<TextBytes>): number {
  return Math.ceil(
    asciiBytes / asciiBytesPerOutputToken + otherBytes / otherBytesPerToken + sealedBytes / sealedBytesPerToken,
  )
}
