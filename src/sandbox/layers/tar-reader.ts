/**
 * The headers of a tar archive (POSIX pax, as GNU tar writes it), read from its bytes in any split; contents are passed over.
 *
 * **Invariant** What is not understood is an error: whoever checks an archive must see what tar will see.
 */

export interface TarEntry {
  /** As tar will name it, also for sparse files. Bytes as latin1: names need not be text. */
  readonly name: string
  /** `0` file, `1` hard link, `2` symlink, `3` character device, `5` folder, … */
  readonly type: string
  readonly mode: number
  readonly sizeBytes: number
  readonly linkName: string
  readonly device: { readonly major: number; readonly minor: number }
  /** The records of the pax header before it. */
  readonly records: ReadonlyMap<string, string>
}

export interface TarReader {
  /** The entries whose headers end in this chunk. Throws a plain error, whose message is the end of a sentence. */
  feed(chunk: Buffer): readonly TarEntry[]
  /** Throws where the archive is not at its end. */
  end(): void
}

const blockBytes = 512
/** Extended attributes are in it: the kernel allows 64 KiB each. */
const maxPaxBytes = 1024 * 1024

export function createTarReader(): TarReader {
  let waiting: Buffer = Buffer.alloc(0)
  let skipBytes = 0
  let records: ReadonlyMap<string, string> = new Map()
  let isOver = false

  /** The next header and how much of `waiting` it takes; undefined while more is needed. */
  function next(): { readonly entry?: TarEntry; readonly usedBytes: number } | undefined {
    if (waiting.length < blockBytes) return undefined
    const header = waiting.subarray(0, blockBytes)
    if (header.every((byte) => byte === 0)) {
      isOver = true
      return { usedBytes: blockBytes }
    }
    checkSum(header)
    const type = String.fromCharCode(header[156] ?? 0).replace('\0', '0')
    const sizeBytes = numberIn(header, 124, 12)
    if (type === 'x') {
      if (sizeBytes > maxPaxBytes) throw new Error('a header is too long')
      const wholeBytes = blockBytes + padded(sizeBytes)
      if (waiting.length < wholeBytes) return undefined
      records = paxRecords(waiting.subarray(blockBytes, blockBytes + sizeBytes))
      return { usedBytes: wholeBytes }
    }
    const entry = entryOf(header, { type, sizeBytes, records })
    records = new Map()
    skipBytes = padded(entry.sizeBytes)
    return { entry, usedBytes: blockBytes }
  }

  return {
    feed(chunk) {
      const entries: TarEntry[] = []
      let rest = chunk
      while (rest.length > 0 && !isOver) {
        const skipped = Math.min(skipBytes, rest.length)
        skipBytes -= skipped
        rest = rest.subarray(skipped)
        if (rest.length === 0) break
        waiting = waiting.length === 0 ? rest : Buffer.concat([waiting, rest])
        rest = Buffer.alloc(0)
        const found = next()
        if (found === undefined) break
        rest = waiting.subarray(found.usedBytes)
        waiting = Buffer.alloc(0)
        if (found.entry) entries.push(found.entry)
      }
      return entries
    },

    end() {
      if (!isOver) throw new Error('its end is missing')
    },
  }
}

function entryOf(
  header: Buffer,
  { type, sizeBytes, records }: { type: string; sizeBytes: number; records: ReadonlyMap<string, string> },
): TarEntry {
  const text = (from: number, bytes: number) => {
    const field = header.subarray(from, from + bytes)
    const end = field.indexOf(0)
    return field.subarray(0, end === -1 ? bytes : end).toString('latin1')
  }
  const prefix = text(345, 155)
  const short = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`
  return {
    name: records.get('GNU.sparse.name') ?? records.get('path') ?? short,
    type,
    mode: numberIn(header, 100, 8),
    sizeBytes: records.has('size') ? wholeNumber(records.get('size') ?? '', 10) : sizeBytes,
    linkName: records.get('linkpath') ?? text(157, 100),
    device: { major: numberIn(header, 329, 8), minor: numberIn(header, 337, 8) },
    records,
  }
}

/** `LENGTH KEY=VALUE\n`, the length being that of all of it. */
function paxRecords(content: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  const text = content.toString('latin1')
  for (let at = 0; at < text.length; ) {
    const blank = text.indexOf(' ', at)
    const length = wholeNumber(text.slice(at, blank), 10)
    const record = text.slice(blank + 1, at + length - 1)
    const sign = record.indexOf('=')
    if (blank === -1 || sign === -1 || length === 0 || text[at + length - 1] !== '\n')
      throw new Error('a header is broken')
    records.set(record.slice(0, sign), record.slice(sign + 1))
    at += length
  }
  return records
}

function numberIn(header: Buffer, from: number, bytes: number): number {
  const field = header.subarray(from, from + bytes)
  // GNU tar writes what is too large for octal digits as a binary number, and says so by the first bit.
  if (((field[0] ?? 0) & 0x80) !== 0) throw new Error('a header has a binary number')
  const digits = field.toString('latin1').replace(/[\0 ].*$/s, '')
  return digits === '' ? 0 : wholeNumber(digits, 8)
}

function wholeNumber(digits: string, base: 8 | 10): number {
  const value = /^\d+$/.test(digits) ? Number.parseInt(digits, base) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new Error('a header has no number where one must be')
  return value
}

function checkSum(header: Buffer): void {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0)
  if (sum !== numberIn(header, 148, 8)) throw new Error('a header is damaged')
}

function padded(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes
}
