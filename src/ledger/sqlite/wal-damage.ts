/**
 * Damage in the write-ahead log. SQLite takes the first frame that does not fit for the end of the log, as a crash leaves one,
 * and forgets without a word what was committed behind it. A crash leaves at most the last commit unfinished: where two follow,
 * they were acknowledged, and the frame before them was broken later. https://www.sqlite.org/fileformat2.html#walformat
 */
import { existsSync, readFileSync } from 'node:fs'

const headerBytes = 32
const frameHeaderBytes = 24
const magic = 0x377f0682
/** Others may be writing while the log is read; damage stays where it is. */
const looks = 2
const pauseMs = 50

/** One sentence for what is broken; `undefined` for a log that is whole, or ends as a crash leaves it. */
export function walDamage(databasePath: string): string | undefined {
  const path = `${databasePath}-wal`
  let found: string | undefined
  for (let look = 0; look < looks; look++) {
    if (look > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
    const again = existsSync(path) ? damageOf(readFileSync(path)) : undefined
    if (again === undefined || (look > 0 && again !== found)) return undefined
    found = again
  }
  return found
}

function damageOf(log: Buffer): string | undefined {
  if (log.length <= headerBytes) return undefined
  const header = log.subarray(0, headerBytes)
  const isBigEndian = header.readUInt32BE(0) === magic + 1
  if (header.readUInt32BE(0) !== magic && !isBigEndian) return 'its write-ahead log has no header'
  const checksum = createChecksum(isBigEndian)
  checksum.add(header.subarray(0, 24))
  if (!checksum.is(header, 24)) return 'the header of its write-ahead log is broken'
  const frameBytes = frameHeaderBytes + header.readUInt32BE(8)
  const frames = Math.floor((log.length - headerBytes) / frameBytes)
  const frameAt = (index: number) =>
    log.subarray(headerBytes + index * frameBytes, headerBytes + (index + 1) * frameBytes)
  const isOfThisLog = (frame: Buffer) => frame.compare(header, 16, 24, 8, 16) === 0
  let whole = 0
  for (; whole < frames; whole++) {
    const frame = frameAt(whole)
    checksum.add(frame.subarray(0, 8))
    checksum.add(frame.subarray(frameHeaderBytes))
    if (!isOfThisLog(frame) || !checksum.is(frame, 16)) break
  }
  let commitsBehind = 0
  for (let index = whole; index < frames; index++) {
    const frame = frameAt(index)
    if (isOfThisLog(frame) && frame.readUInt32BE(4) !== 0) commitsBehind += 1
  }
  if (commitsBehind < 2) return undefined
  return `frame ${whole + 1} of its write-ahead log is broken, and ${commitsBehind} commits follow it`
}

/** Over pairs of 32-bit words, in the byte order that the header names; kept big-endian. */
function createChecksum(isBigEndian: boolean) {
  let first = 0
  let second = 0
  return {
    add(bytes: Buffer): void {
      for (let at = 0; at < bytes.length; at += 8) {
        first = (first + (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + second) >>> 0
        second = (second + (isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + first) >>> 0
      }
    },
    is: (bytes: Buffer, at: number) => bytes.readUInt32BE(at) === first && bytes.readUInt32BE(at + 4) === second,
  }
}
