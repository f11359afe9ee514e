/** Two public tokenizers as stand-ins for those that providers keep to themselves. */
import { encode as encodeCl100k } from 'gpt-tokenizer/encoding/cl100k_base'
import { encode as encodeO200k } from 'gpt-tokenizer/encoding/o200k_base'
import type { CountText } from './transcripts.ts'

export const tokenizers: Readonly<Record<string, CountText>> = {
  o200k: counting(encodeO200k),
  cl100k: counting(encodeCl100k),
}

/** The same texts stand in every turn of a transcript. */
function counting(encode: typeof encodeO200k): CountText {
  const counts = new Map<string, number>()
  return (text) => {
    const known = counts.get(text)
    if (known !== undefined) return known
    // What looks like a control token is text here.
    const count = encode(text, { disallowedSpecial: new Set() }).length
    counts.set(text, count)
    return count
  }
}
