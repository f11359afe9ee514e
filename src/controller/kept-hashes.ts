/** Hashes what is in the files of frozen bottles, in threads, after nobody waits for it any more. */
import { existsSync } from 'node:fs'
import { inLayerThread } from '../sandbox/layers/layer-thread.ts'

/** Disposing waits for what was begun. */
export interface KeptHashes extends AsyncDisposable {
  begin(directory: string): void
  /** Resolves when nothing reads it: before it is resumed, for instance. */
  over(directory: string): Promise<void>
}

export function createKeptHashes({ onBug }: { onBug(error: unknown): void }): KeptHashes {
  const begun = new Map<string, Promise<void>>()
  /** One after the other: they would only take the disk from each other. */
  let last = Promise.resolve()
  return {
    begin(directory) {
      const hashing = last.then(() => hash(directory)).finally(() => begun.delete(directory))
      last = hashing
      begun.set(directory, hashing)
    },
    over: async (directory) => await begun.get(directory),
    async [Symbol.asyncDispose]() {
      await last
    },
  }

  async function hash(directory: string): Promise<void> {
    try {
      await inLayerThread('hashSealed', directory)
    } catch (error) {
      // It was killed meanwhile.
      if (existsSync(directory)) onBug(error)
    }
  }
}
