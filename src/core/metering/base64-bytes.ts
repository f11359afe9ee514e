/**
 * How many bytes of a JSON body are base64 content (images, documents): long strings without a space, an escape or a byte
 * beyond ASCII. Their bytes say nothing of their tokens: providers bill them by pixels or pages.
 */
export const minBase64Bytes = 4096

const quote = 0x22
const space = 0x20
const backslash = 0x5c

/** Bytes of all such strings together, in whatever chunks the body came. */
export function countBase64Bytes(body: readonly Uint8Array[]): number {
  let total = 0
  let runBytes = 0
  let isRunPlain = true
  const endRun = () => {
    if (isRunPlain && runBytes >= minBase64Bytes) total += runBytes
    runBytes = 0
    isRunPlain = true
  }
  for (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      const next = chunk.indexOf(quote, at)
      const end = next === -1 ? chunk.length : next
      // Most strings are short: what they hold is looked at only once they are long enough to count.
      if (isRunPlain && runBytes + end - at >= minBase64Bytes) isRunPlain = isPlain(chunk.subarray(at, end))
      runBytes += end - at
      if (next !== -1) endRun()
      at = end + 1
    }
  }
  endRun()
  return total
}

function isPlain(bytes: Uint8Array): boolean {
  return !bytes.includes(space) && !bytes.includes(backslash) && (bytes[0] ?? 0) < 0x80 && (bytes.at(-1) ?? 0) < 0x80
}
