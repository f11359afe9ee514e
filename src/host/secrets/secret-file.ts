/** A secret in a file of the host's user. Safety: one that others may read or change is refused, as ssh does with keys. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const maxSecretBytes = 64 * 1024

/** The absolute path of a `file:` source, which may begin with `~/`. */
export function secretPath(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path
}

/** The content without the newline at its end. Throws with the reason. */
export async function readSecretFile(written: string): Promise<string> {
  const path = secretPath(written)
  // Not blocking: a pipe without a writer would wait for ever.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      throw cause.code === 'ENOENT' ? new Error(`there is no file ${path}`, { cause }) : cause
    },
  )
  const found = await file.stat()
  if (!found.isFile()) throw new Error(`${path} is no regular file`)
  if (found.size > maxSecretBytes) throw new Error(`${path} is larger than ${maxSecretBytes} bytes`)
  const mode = found.mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `${path} is open to others (mode ${mode.toString(8).padStart(4, '0')}); close it with: chmod 600 ${path}`,
    )
  }
  return withoutLastNewline(await file.readFile('utf8'))
}

export function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, '')
}
