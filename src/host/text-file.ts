/** Reads the files that users write: regular, UTF-8, no larger than allowed. */
import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { relative } from 'node:path'

export interface TextFileOptions {
  readonly maxBytes: number
  /** The file must lie in this directory, whatever links lead to it. */
  readonly within?: string
}

/** Opened once, so that what was checked is what is read. Throws what `open` throws, or an Error that names the path. */
export async function readTextFile(path: string, { maxBytes, within }: TextFileOptions): Promise<string> {
  // Not blocking: a pipe without a writer would wait for ever.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if (within !== undefined) {
    const real = await realpath(`/proc/self/fd/${file.fd}`)
    const folder = await realpath(within)
    if (/^\.\.(?:\/|$)/.test(relative(folder, real)))
      throw new Error(`${path} leads to ${real}, which lies outside of ${folder}`)
  }
  const found = await file.stat()
  if (!found.isFile()) throw new Error(`${path} is no regular file`)
  // The size that was found says little: the file may grow, and those of /proc have none.
  const buffer = Buffer.allocUnsafe(maxBytes + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, length)
    length += bytesRead
    if (length > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`)
    if (bytesRead === 0) break
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length))
  } catch {
    throw new Error(`${path} is not UTF-8`)
  }
}

/** Both absolute and normalized; nothing is looked up. */
export function isBelow(folder: string, path: string): boolean {
  return !/^(?:\.\.(?:\/|$)|$)/.test(relative(folder, path))
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
