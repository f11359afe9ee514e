/**
 * A bottle's layers as one stream: a tar archive as GNU tar writes it, with extended attributes, holes and whiteouts, and behind it the
 * SHA-256 of all that came before. Nothing is ever held in memory but what is on its way.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, statfs } from 'node:fs/promises'
import { PassThrough, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { BottleError, messageOf } from '../../core/errors.ts'
import { createArchiveCheck } from './archive-check.ts'
import { createTarReader } from './tar-reader.ts'

const maxComplaintCharacters = 4096

export type Coding = 'none' | 'gzip' | 'zstd'

/** What tar is to take, by paths below a directory. */
export interface ArchivePart {
  readonly directory: string
  readonly names: readonly string[]
}

/** Throws BottleError `sandbox_failed` where something cannot be read, or changes meanwhile. */
export async function writeArchive(
  file: string,
  { parts, coding }: { readonly parts: readonly ArchivePart[]; readonly coding: Coding },
): Promise<void> {
  const from = parts.flatMap(({ directory, names }) => ['-C', directory, ...names.map((name) => `./${name}`)])
  const owner = ['--owner=0', '--group=0', '--numeric-owner']
  // Names without the first "./", which is there for names that begin with a dash.
  const format = [
    '--create',
    '--format=pax',
    '--pax-option=delete=atime,delete=ctime',
    '--transform=s,^\\./,,S',
    '--sparse',
  ]
  const { child, ended } = startTar([...format, ...owner, ...attributes, '--file=-', ...from])
  child.stdin.end()
  const output = createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true })
  try {
    await pipeline(child.stdout, withTrailer, compressing[coding](), output)
  } finally {
    // Nothing is left to do for it; one whose output nobody takes would stay.
    child.stdout.destroy()
    await ended
  }
  const complaint = await ended
  if (complaint !== undefined) throw failed('the layers could not be read', complaint)
}

/**
 * Unpacks what `writeArchive` wrote into an empty directory. Throws BottleError `usage` for anything else, and for what is damaged;
 * what was unpacked until then is the caller's to remove.
 */
export async function readArchive(file: string, directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  const check = createArchiveCheck({ maxBytes: bavail * bsize })
  const reader = createTarReader()
  const options = ['--extract', '--preserve-permissions', '--no-same-owner', '--delay-directory-restore', ...attributes]
  const { child, ended } = startTar([...options, '--file=-', '-C', directory])
  const { stdin } = child
  // A tar that ends early tells why itself.
  stdin.on('error', () => {})
  child.stdout.resume()
  try {
    const decoded = decompressing[await codingOf(file)]()
    await pipeline(createReadStream(file), decoded, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of withoutTrailer(chunks)) {
        for (const entry of reader.feed(chunk)) check.allow(entry)
        if (stdin.writable && !stdin.write(chunk)) await Promise.race([once(stdin, 'drain'), ended])
      }
      reader.end()
    })
  } catch (cause) {
    child.kill('SIGKILL')
    await ended
    throw new BottleError('usage', `${file} is no whole snapshot of a bottle: ${messageOf(cause)}`, {
      hint: 'Export it again, and look whether the copy of the file is complete.',
      cause,
    })
  }
  stdin.end()
  const complaint = await ended
  if (complaint !== undefined) throw failed('the snapshot could not be unpacked', complaint)
}

const attributes = ['--xattrs', '--xattrs-include=user.*'] as const

/** An ordinary user is root over what is their own, as the bottle's program was: files without rights are read and written, too. */
function startTar(args: readonly string[]): {
  readonly child: ChildProcessWithoutNullStreams
  /** undefined: all is well. Else what tar says. */
  readonly ended: Promise<string | undefined>
} {
  const command = process.getuid?.() === 0 ? ['tar'] : ['unshare', '--user', '--map-root-user', 'tar']
  const [file = '', ...words] = [...command, ...args]
  const child = spawn(file, words, { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk).slice(0, maxComplaintCharacters)
  })
  const ended = once(child, 'close').then(
    ([code]) => (code === 0 ? undefined : complaint.trim() || 'tar was ended'),
    (error: unknown) => messageOf(error),
  )
  return { child, ended }
}

function failed(what: string, complaint: string): BottleError {
  return new BottleError('sandbox_failed', `${what}: ${complaint}`, {
    hint: 'Look at the permissions and the free space.',
  })
}

const compressing: Readonly<Record<Coding, () => Transform>> = {
  none: () => new PassThrough(),
  gzip: () => createGzip(),
  zstd: () => createZstdCompress(),
}
const decompressing: Readonly<Record<Coding, () => Transform>> = {
  none: () => new PassThrough(),
  gzip: () => createGunzip(),
  zstd: () => createZstdDecompress(),
}

async function codingOf(file: string): Promise<Coding> {
  await using opened = await open(file)
  const start = Buffer.alloc(4)
  await opened.read(start, 0, start.length, 0)
  if (start.readUInt32LE() === 0xfd2fb528) return 'zstd'
  return start.readUInt16BE() === 0x1f8b ? 'gzip' : 'none'
}

const trailerBytes = 72
const trailerOf = (sha256: string) => `sha256: ${sha256}`

async function* withTrailer(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
  yield Buffer.from(trailerOf(hash.digest('hex')))
}

/** Throws a plain error at the end where what came is not what the trailer says. */
async function* withoutTrailer(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let last: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([last, chunk])
    const passed = bytes.subarray(0, Math.max(0, bytes.length - trailerBytes))
    last = bytes.subarray(passed.length)
    hash.update(passed)
    if (passed.length > 0) yield passed
  }
  if (last.toString('latin1') !== trailerOf(hash.digest('hex'))) throw new Error('it was changed or cut off on its way')
}
