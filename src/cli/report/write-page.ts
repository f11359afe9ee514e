/** Puts a page in its file, whole or not at all: what was there stays until the new one is complete. */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { open, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BottleError, messageOf } from '../../core/errors.ts'
import { isMissing } from '../../host/text-file.ts'

/**
 * Replaces an empty file, or one that begins with `mark`, and no other. Throws BottleError `usage` for those, and for what cannot be
 * written.
 */
export async function writePage(
  path: string,
  { page, mark }: Readonly<Record<'page' | 'mark', string>>,
): Promise<void> {
  try {
    // A link stays one.
    const target = await realpath(path).catch((error) => {
      if (isMissing(error)) return path
      throw error
    })
    const mode = await modeOfReplaceable(target, mark)
    const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
    try {
      await using file = await open(temporary, 'wx', mode)
      await file.writeFile(page)
      await file.sync()
      await rename(temporary, target)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  } catch (error) {
    if (error instanceof BottleError) throw error
    throw new BottleError('usage', `${path} cannot be written: ${messageOf(error)}`, {
      hint: 'Give the name of a file in a folder that you may write to, or - for stdout.',
      cause: error,
    })
  }
}

const newFileMode = 0o666

/** The mode of the file that is replaced. */
async function modeOfReplaceable(path: string, mark: string): Promise<number> {
  try {
    // Not blocking: a pipe without a writer would wait for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const found = await file.stat()
    if (!found.isFile()) throw notOurs(`${path} is no regular file`)
    const start = Buffer.alloc(Buffer.byteLength(mark))
    await file.read(start, 0, start.length, 0)
    if (found.size > 0 && start.toString() !== mark) throw notOurs(`${path} is there, and is no report`)
    return found.mode & 0o777
  } catch (error) {
    if (isMissing(error)) return newFileMode
    throw error
  }
}

function notOurs(message: string): BottleError {
  return new BottleError('usage', message, { hint: 'Only reports are replaced: give another name, or - for stdout.' })
}
