/**
 * Holds bottles to what no cgroup holds them to: a thread of its own looks at them again and again, and ends processes where one
 * exceeds its limit (`memory/look.ts`, `disk/look.ts`). Between two looks it may.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

export interface LimitWatch<Watched extends { readonly id: string }> extends AsyncDisposable {
  /** Until disposed. */
  watch(bottle: Watched): Disposable
}

export interface LimitWatchOptions<Ended> {
  readonly limit: 'memory' | 'disk'
  onEnded(ended: Ended): void
  onBug(error: unknown): void
}

/** The thread is started with the first bottle, and again where it failed. It is told who is watched, and tells whom it ended. */
export function createLimitWatch<Watched extends { readonly id: string }, Ended>({
  limit,
  onEnded,
  onBug,
}: LimitWatchOptions<Ended>): LimitWatch<Watched> {
  const bottles = new Map<string, Watched>()
  let worker: Worker | undefined
  const tell = () => {
    if (bottles.size > 0) worker ??= start()
    worker?.postMessage([...bottles.values()])
  }
  const start = (): Worker => {
    const file = new URL(`./${limit}/worker${extname(import.meta.url)}`, import.meta.url)
    const started = new Worker(file, { name: limit })
    started.unref()
    started.on('message', (all: readonly Ended[]) => {
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
