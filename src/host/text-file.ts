/** Reads the files that users write: regular, UTF-8, no larger than allowed. */
import { open } from 'node:fs/promises'

/** Opened once, so that what was checked is what is read. Throws what `open` throws, or an Error that names the path. */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  await using file = await open(path, 'r')
  const found = await file.stat()
  if (!found.isFile()) throw new Error(`${path} is no regular file`)
  if (found.size > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`)
  const bytes = await file.readFile()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error(`${path} is not UTF-8`)
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
