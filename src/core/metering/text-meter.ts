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
const space = 0x20

export class TextMeter {
  readonly total: TextBytes = { asciiBytes: 0, otherBytes: 0, sealedBytes: 0 }
  /** 0: plain text; 5: after a backslash; 4 to 1: hex digits of an escape still to come. */
  #escape = 0
  #codeUnit = 0

  /**
   * Counts from `start` to the closing quote, or to a control character, which JSON has in no string: where that
   * stands, or `end`. `view`: of the same bytes, for speed.
   */
  measure(bytes: Uint8Array, start: number, end: number, view?: DataView): number {
    let at = start
    while (at < end) {
      if (this.#escape > 0) {
        this.#continueEscape(bytes[at] as number)
        at += 1
        continue
      }
      const plainStart = at
      if (view !== undefined) at = passPlain(view, at, end)
      let byte = 0
      let other = 0
      for (; at < end; at++) {
        byte = bytes[at] as number
        if (byte === quote || byte === backslash || byte < space) break
        other += byte >> 7
      }
      this.total.otherBytes += other
      this.total.asciiBytes += at - plainStart - other
      if (at === end || byte !== backslash) break
      if (at + 1 < end && bytes[at + 1] !== letterU) {
        this.total.asciiBytes += 1
        at += 2
      } else {
        this.#escape = 5
        at += 1
      }
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

  /** Back to what was counted before, outside of any text. */
  rewind(asciiBytes: number, otherBytes: number, sealedBytes: number): void {
    this.#escape = 0
    this.total.asciiBytes = asciiBytes
    this.total.otherBytes = otherBytes
    this.total.sealedBytes = sealedBytes
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

/**
 * Passes ASCII that is neither quote nor backslash nor control character, four bytes at a time: how far, or a little less.
 * A byte b of a word is below n if bit 7 of its place is set in (word - n repeated) & ~word, and none below it is (Bit Twiddling
 * Hacks, "Determine if a word has a byte less than n"); it is equal to n if word ^ (n repeated) has a byte below 1 there.
 */
function passPlain(view: DataView, start: number, end: number): number {
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at)
    const quotes = word ^ 0x22222222
    const backslashes = word ^ 0x5c5c5c5c
    const found =
      ((quotes - 0x01010101) & ~quotes) |
      ((backslashes - 0x01010101) & ~backslashes) |
      ((word - 0x20202020) & ~word) |
      word
    if ((found & 0x80808080) !== 0) break
  }
  return at
}

function hexValue(byte: number): number {
  if (byte <= 0x39) return byte & 0xf
  return (byte & 0xf) + 9
}
