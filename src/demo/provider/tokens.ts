/**
 * The simulation's tokenizer: **one token is four bytes of UTF-8, rounded up**. It is no model's tokenizer; it is near
 * the average of real ones on English text and code, and anybody can check its counts by hand.
 */
export const BYTES_PER_TOKEN = 4

export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)
}

/**
 * Cuts a text into its tokens, never inside a character. For ASCII there are exactly `countTokens(text)` of them; where
 * a character straddles a border there may be more.
 */
export function splitTokens(text: string): readonly string[] {
  const tokens: string[] = []
  let token = ''
  let tokenBytes = 0
  for (const character of text) {
    const characterBytes = Buffer.byteLength(character)
    if (tokenBytes + characterBytes > BYTES_PER_TOKEN) {
      tokens.push(token)
      token = ''
      tokenBytes = 0
    }
    token += character
    tokenBytes += characterBytes
  }
  if (token !== '') tokens.push(token)
  return tokens
}
