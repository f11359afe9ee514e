/**
 * A log of JSON lines in one file of bounded size, written off the path of whoever logs: nothing waits for it, and what cannot be
 * written is dropped, never the work that it tells of.
 */
import { appendFile, rename, stat } from 'node:fs/promises'

export interface LineLogOptions {
  readonly path: string
  /** A larger file is kept once as `.1`. */
  readonly maxFileBytes: number
  /** Waiting to be written; beyond it lines are dropped, and one line says how many. */
  readonly maxWaitingCharacters: number
  /** Told once. */
  onFailure(error: unknown): void
}

export interface LineLog extends AsyncDisposable {
  write(line: object): void
  /** Resolves when all that was written before is in the file. Never rejects. */
  flush(): Promise<void>
}

/** Makes no file before the first line. */
export function createLineLog({ path, maxFileBytes, maxWaitingCharacters, onFailure }: LineLogOptions): LineLog {
  let waiting = ''
  let droppedLines = 0
  let writing: Promise<void> | undefined
  let hasFailed = false

  const write = (line: object) => {
    const text = `${JSON.stringify(line)}\n`
    if (waiting.length + text.length > maxWaitingCharacters) droppedLines += 1
    else waiting += text
    writing ??= writeWaiting()
  }
  const writeWaiting = async () => {
    try {
      // A turn later, with whatever else came in this one.
      await undefined
      while (waiting !== '') {
        const text = droppedLines > 0 ? `${waiting}${JSON.stringify({ droppedLines })}\n` : waiting
        waiting = ''
        droppedLines = 0
        if ((await sizeOf(path)) + text.length > maxFileBytes) await rename(path, `${path}.1`).catch(ignoreMissing)
        await appendFile(path, text, { mode: 0o600 })
      }
    } catch (error) {
      if (!hasFailed) onFailure(error)
      hasFailed = true
    } finally {
      writing = undefined
    }
  }
  const flush = async () => {
    await writing
  }
  return { write, flush, [Symbol.asyncDispose]: flush }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

/** The first lines may be too many for one file. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
