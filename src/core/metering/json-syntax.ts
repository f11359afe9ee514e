/** The lexical questions of JSON that the scanner asks of bytes. */

/** How far a quote is looked for by hand before the runtime's own `indexOf` takes over, which is faster on long strings. */
const shortStringBytes = 32

export const comma = 0x2c
export const openingBracket = 0x5b
export const closingBracket = 0x5d
export const quote = 0x22
const backslash = 0x5c
const space = 0x20

/**
 * Where the closing quote of a string stands. -1: not in these bytes; -2: not in these bytes, and the last one is a
 * backslash that escapes the byte to come.
 */
export function endOfString(bytes: Uint8Array, start: number, end: number, isAfterBackslash: boolean): number {
  let at = isAfterBackslash ? start + 1 : start
  while (at < end) {
    const nearEnd = Math.min(end, at + shortStringBytes)
    while (at < nearEnd) {
      const byte = bytes[at] as number
      if (byte === quote) return at
      at += byte === backslash ? 2 : 1
    }
    if (at >= end) break
    const found = bytes.indexOf(quote, at)
    const stop = found === -1 || found > end ? end : found
    const isEscaped = backslashesBefore(bytes, stop, at) % 2 === 1
    if (stop === end) return isEscaped ? -2 : -1
    if (!isEscaped) return stop
    at = stop + 1
  }
  return at > end ? -2 : -1
}

/** Backslashes that stand right before `at`, back to `start`, which no open escape may precede. */
function backslashesBefore(bytes: Uint8Array, at: number, start: number): number {
  let count = 0
  while (at - count > start && bytes[at - count - 1] === backslash) count += 1
  return count
}

export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

export function isBracket(byte: number): boolean {
  return byte === 0x7b || byte === openingBracket || byte === 0x7d || byte === closingBracket
}

/** Of a number or a literal; what is no JSON, like NaN, is let through and found out by whoever parses the value. */
export function isScalarByte(byte: number): boolean {
  return scalarBytes[byte] === 1
}

export function endOfScalar(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isScalarByte(bytes[at] as number)) at += 1
  return at
}

/** Behind the string that begins at `start`. -1: not in these bytes, or a control character stands in it. */
export function endOfPlainString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === quote) return at + 1
    if (byte === backslash) at += 1
    else if (byte < space) return -1
  }
  return -1
}

/** Behind the object or array that begins at `start`. -1: not in these bytes, or what stands in it is more than plain JSON. */
export function endOfPlainContainer(bytes: Uint8Array, start: number): number {
  let depth = 0
  for (let at = start; at >= 0 && at < bytes.length; ) {
    const byte = bytes[at] as number
    if (byte === quote) {
      at = endOfPlainString(bytes, at)
      continue
    }
    at += 1
    if (isBracket(byte)) {
      depth += byte === 0x7b || byte === openingBracket ? 1 : -1
      if (depth === 0) return at
    } else if (byte < space || !isBetweenStrings(byte)) return -1
  }
  return -1
}

/**
 * What may stand between the strings of a value. Safety: some servers also read strings in single quotes, or comments; a
 * double quote in these would be taken for the start of a string here, and hide what follows.
 */
export function isBetweenStrings(byte: number): boolean {
  return betweenStrings[byte] === 1
}

const scalarCharacters = '+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const scalarBytes = tableOf(scalarCharacters)
const betweenStrings = tableOf(`${scalarCharacters}:, \t\r\n`)

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const byte of Buffer.from(characters)) table[byte] = 1
  return table
}
