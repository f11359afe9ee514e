/** Hashes what is in the files of frozen bottles, in threads, after nobody waits for it any more. */
import { existsSync } from 'node:fs'
import { inLayerThread } from '../sandbox/layers/layer-thread.ts'

/** Disposing breaks off what was begun. */
export interface KeptHashes extends AsyncDisposable {
  begin(directory: string): void
  /** Breaks it off; resolves when nothing reads there: before it is resumed, for instance. */
  over(directory: string): Promise<void>
}

export function createKeptHashes({ onBug }: { onBug(error: unknown): void }): KeptHashes {
  const begun = new Map<string, { readonly ended: Promise<void>; readonly ending: AbortController }>()
  /** One after the other: they would only take the disk from each other. */
  let last = Promise.resolve()
  const over = async (directory: string) => {
    const hashing = begun.get(directory)
    hashing?.ending.abort()
    await hashing?.ended
  }
  return {
    begin(directory) {
      const ending = new AbortController()
      const { promise: unwanted, resolve } = Promise.withResolvers<void>()
      ending.signal.addEventListener('abort', () => resolve())
      const turn = Promise.race([last, unwanted])
      const ended = turn.then(() => hash(directory, ending.signal)).finally(() => begun.delete(directory))
      last = Promise.all([last, ended]).then(() => {})
      begun.set(directory, { ended, ending })
    },
    over,
    async [Symbol.asyncDispose]() {
      await Promise.all([...begun.keys()].map(over))
    },
  }

  async function hash(directory: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    try {
      await inLayerThread('hashSealed', directory, signal)
    } catch (error) {
      // Or it was killed meanwhile.
      if (!signal.aborted && existsSync(directory)) onBug(error)
    }
  }
}
