/**
 * Counts the bytes of the text inside JSON strings, as UTF-8 after decoding the escapes: `\n` is one byte, `\u2014` three.
 * Works on any split of the bytes. The halves of an escaped surrogate pair count as three bytes each; the text itself is
 * never kept.
 */
export interface TextBytes {
  asciiBytes: number
  /** Bytes of characters beyond ASCII; they make more tokens a byte. */
  otherBytes: number
  /** Base64 of what is sent encrypted in place of text: hidden reasoning. */
  sealedBytes: number
}

const quote = 0x22
const backslash = 0x5c
const letterU = 0x75

export class TextMeter {
  readonly total: TextBytes = { asciiBytes: 0, otherBytes: 0, sealedBytes: 0 }
  /** 0: plain text; 5: after a backslash; 4 to 1: hex digits of an escape still to come. */
  #escape = 0
  #codeUnit = 0

  /** Counts from `start` to the closing quote, and returns where it stands, or `end`. */
  measure(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end) {
      if (this.#escape > 0) {
        this.#continueEscape(bytes[at] as number)
        at += 1
        continue
      }
      const plainStart = at
      let byte = 0
      let other = 0
      for (; at < end; at++) {
        byte = bytes[at] as number
        if (byte === quote || byte === backslash) break
        other += byte >> 7
      }
      this.total.otherBytes += other
      this.total.asciiBytes += at - plainStart - other
      if (at === end || byte === quote) break
      this.#escape = 5
      at += 1
    }
    return at
  }

  /** Counts bytes as they are, e.g. of a JSON value that is no string. */
  add(byteCount: number): void {
    this.total.asciiBytes += byteCount
  }

  addSealed(byteCount: number): void {
    this.total.sealedBytes += byteCount
  }

  reset(): void {
    this.#escape = 0
  }

  #continueEscape(byte: number): void {
    if (this.#escape === 5) {
      this.#codeUnit = 0
      this.#escape = byte === letterU ? 4 : 0
      if (this.#escape === 0) this.total.asciiBytes += 1
      return
    }
    this.#codeUnit = this.#codeUnit * 16 + hexValue(byte)
    this.#escape -= 1
    if (this.#escape > 0) return
    if (this.#codeUnit < 0x80) this.total.asciiBytes += 1
    else this.total.otherBytes += this.#codeUnit < 0x800 ? 2 : 3
  }
}

function hexValue(byte: number): number {
  if (byte <= 0x39) return byte & 0xf
  return (byte & 0xf) + 9
}
