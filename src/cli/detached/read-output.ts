/** Reads what `output-log.ts` wrote: what is kept, and what comes until the bottle has ended. */
import { watch } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { olderLogName, outputLogName } from '../../host/output-log.ts'

export interface ReadOptions {
  /** Only the last of what is there by now. */
  readonly lastLines: number | undefined
  /** Goes on with what is written until this aborts; undefined: only what is there. */
  readonly until: AbortSignal | undefined
}

const chunkBytes = 64 * 1024
/** Where nothing tells of a change, as on some network file systems. */
const lookAgainMs = 1_000

/** undefined for a bottle without such a log. */
export async function openOutput(directory: string, options: ReadOptions): Promise<AsyncGenerator<Buffer> | undefined> {
  const files = await openBoth(directory)
  return files && outputOf(directory, files, options)
}

interface Files {
  readonly older: FileHandle | undefined
  readonly current: FileHandle
}

async function openBoth(directory: string): Promise<Files | undefined> {
  for (;;) {
    const current = await openIfThere(join(directory, outputLogName))
    if (!current) return undefined
    const older = await openIfThere(join(directory, olderLogName))
    // Otherwise it was rotated in between.
    if (!older || (await older.stat()).ino !== (await current.stat()).ino) return { older, current }
    await Promise.all([older.close(), current.close()])
  }
}

async function* outputOf(
  directory: string,
  { older, current }: Files,
  { lastLines, until }: ReadOptions,
): AsyncGenerator<Buffer> {
  let file = current
  const changes = until && watchDirectory(directory, until)
  try {
    const kept: Buffer[] = []
    for (const one of [older, current]) if (one) for await (const chunk of restOf(one)) kept.push(chunk)
    yield lastLines === undefined ? Buffer.concat(kept) : tailOf(Buffer.concat(kept), lastLines)
    if (!until || !changes) return
    for (;;) {
      const isOver = until.aborted
      yield* restOf(file)
      const next = await nextFile(directory, file)
      if (next) {
        // What was written between the last look and the rotation.
        yield* restOf(file)
        await file.close()
        file = next
      } else if (isOver) return
      else await changes.next()
    }
  } finally {
    changes?.[Symbol.dispose]()
    await Promise.all([older?.close(), file.close()])
  }
}

/** The file that took the place of this one. */
async function nextFile(directory: string, file: FileHandle): Promise<FileHandle | undefined> {
  const path = join(directory, outputLogName)
  const atPath = await stat(path).catch(() => undefined)
  if (!atPath || atPath.ino === (await file.stat()).ino) return undefined
  return openIfThere(path)
}

async function* restOf(file: FileHandle): AsyncGenerator<Buffer> {
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(chunkBytes))
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

function tailOf(bytes: Buffer, lines: number): Buffer {
  let from = bytes.at(-1) === lineFeed ? bytes.length - 1 : bytes.length
  for (let line = 0; line < lines; line++) {
    // `lastIndexOf` counts a negative position from the end.
    from = from === 0 ? -1 : bytes.lastIndexOf(lineFeed, from - 1)
    if (from === -1) return bytes
  }
  return bytes.subarray(from + 1)
}

const lineFeed = 0x0a

interface Changes extends Disposable {
  /** Resolves once something may have changed since the last call, or all is over. */
  next(): Promise<void>
}

function watchDirectory(directory: string, until: AbortSignal): Changes {
  let change = Promise.withResolvers<void>()
  const tell = () => change.resolve()
  const watcher = watch(directory, tell)
  watcher.on('error', tell)
  until.addEventListener('abort', tell)
  return {
    async next() {
      const timer = setTimeout(tell, lookAgainMs)
      await change.promise
      clearTimeout(timer)
      change = Promise.withResolvers()
      if (until.aborted) tell()
    },
    [Symbol.dispose]() {
      watcher.close()
      until.removeEventListener('abort', tell)
    },
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
