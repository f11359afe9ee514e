/**
 * Holds bottles to their memory where no cgroup does: every half second, and ten times a second once half is used, it looks
 * at what their processes have, and ends the largest until the rest fits. A bottle may exceed its limit between two looks.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { EndedProcesses, WatchedBottle } from './look.ts'

export interface MemoryWatch extends AsyncDisposable {
  /** Until disposed. */
  watch(bottle: WatchedBottle): Disposable
}

export interface MemoryWatchOptions {
  onEnded(ended: EndedProcesses): void
  onBug(error: unknown): void
}

/** The thread is started with the first bottle, and again where it failed. */
export function createMemoryWatch({ onEnded, onBug }: MemoryWatchOptions): MemoryWatch {
  const bottles = new Map<string, WatchedBottle>()
  let worker: Worker | undefined
  const tell = () => {
    if (bottles.size > 0) worker ??= start()
    worker?.postMessage([...bottles.values()])
  }
  const start = (): Worker => {
    const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url)
    const started = new Worker(file, { name: 'memory' })
    started.unref()
    started.on('message', (all: readonly EndedProcesses[]) => {
      for (const ended of all) onEnded(ended)
    })
    started.on('error', (error) => {
      onBug(error)
      worker = undefined
      tell()
    })
    return started
  }
  return {
    watch(bottle) {
      bottles.set(bottle.id, bottle)
      tell()
      return {
        [Symbol.dispose]() {
          if (bottles.delete(bottle.id)) tell()
        },
      }
    },
    async [Symbol.asyncDispose]() {
      bottles.clear()
      await worker?.terminate()
    },
  }
}
