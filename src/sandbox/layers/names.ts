/**
 * Names of files as strings. Bytes that are no UTF-8 become lone surrogates, as in Python: no name is lost, and no two are the
 * same string.
 */

export function decodeName(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (Buffer.from(text).equals(bytes)) return text
  return bytes.toString('latin1').replaceAll(/[\x80-\xff]/g, (byte) => String.fromCharCode(0xdc00 + byte.charCodeAt(0)))
}

export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name)
  const bytes = Array.from(name, (character) => {
    const code = character.charCodeAt(0)
    return code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character)
  })
  return Buffer.concat(bytes)
}
