/** What stands around the deflated data of a gzip member (RFC 1952 §2.3). */
import type { ByteInput } from './byte-input.ts'

export const gzipMagic = Buffer.of(0x1f, 0x8b)

const fixedBytes = 10
const deflateMethod = 8
/** A checksum and a length, which the one who reads the body proper looks at. */
const trailerBytes = 8
const maxTextBytes = 4096

const hasHeaderChecksum = 0x02
const hasExtra = 0x04
const hasName = 0x08
const hasComment = 0x10
const reserved = 0xe0

export type Passed = 'passed' | 'truncated' | 'malformed'

export async function passGzipHeader(input: ByteInput): Promise<Passed> {
  const fixed = await input.take(fixedBytes)
  if (!fixed) return 'truncated'
  const flags = fixed.readUInt8(3)
  const isGzip = fixed.subarray(0, 2).equals(gzipMagic) && fixed.readUInt8(2) === deflateMethod
  if (!isGzip || (flags & reserved) !== 0) return 'malformed'
  if (flags & hasExtra) {
    const length = await input.take(2)
    if (!length || !(await input.take(length.readUInt16LE()))) return 'truncated'
  }
  for (const text of [hasName, hasComment]) {
    const passed = flags & text ? await passText(input) : 'passed'
    if (passed !== 'passed') return passed
  }
  return flags & hasHeaderChecksum && !(await input.take(2)) ? 'truncated' : 'passed'
}

export async function passGzipTrailer(input: ByteInput): Promise<Passed> {
  return (await input.take(trailerBytes)) ? 'passed' : 'truncated'
}

/** Up to and with its zero byte. */
async function passText(input: ByteInput): Promise<Passed> {
  for (let bytes = 0; bytes < maxTextBytes; bytes += 1) {
    const byte = await input.take(1)
    if (!byte) return 'truncated'
    if (byte[0] === 0) return 'passed'
  }
  return 'malformed'
}
