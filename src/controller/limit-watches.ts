/** The threads that look at what bottles use of their host, and what is told and kept of it when they use too much. */
import type { Ledger } from '../ledger/ledger.ts'
import type { EndedProcesses, WatchedBottle } from '../sandbox/bottle-processes.ts'
import type { EndedWriters, WatchedDisk } from '../sandbox/disk/look.ts'
import { createLimitWatch, type LimitWatch } from '../sandbox/limit-watch.ts'
import type { EventBus } from './event-bus.ts'
import { diskInWords, memoryInWords } from './limit-words.ts'

export interface LimitWatches extends AsyncDisposable {
  readonly memoryWatch: LimitWatch<WatchedBottle>
  readonly diskWatch: LimitWatch<WatchedDisk>
}

export interface LimitWatchesOptions {
  readonly ledger: Pick<Ledger, 'recordLimit'>
  readonly bus: EventBus
  readonly newId: () => string
  readonly nowMs: () => number
  onBug(error: unknown): void
}

export function createLimitWatches({ ledger, bus, newId, nowMs, onBug }: LimitWatchesOptions): LimitWatches {
  const exceeded = (limit: 'memory' | 'disk', bottleId: string, detail: string) => {
    const note = { enforcementId: newId(), bottleId, detail: `${limit}: ${detail}`, nowMs: nowMs() }
    ledger.recordLimit(note).catch(onBug)
    bus.emit({ kind: 'limit', bottleId, limit, detail, atMs: nowMs() })
  }
  const memoryWatch = createLimitWatch<WatchedBottle, EndedProcesses>({
    limit: 'memory',
    onEnded: (ended) => exceeded('memory', ended.bottleId, memoryInWords(ended)),
    onBug,
  })
  const diskWatch = createLimitWatch<WatchedDisk, EndedWriters>({
    limit: 'disk',
    onEnded: (ended) => exceeded('disk', ended.bottleId, diskInWords(ended)),
    onBug,
  })
  return {
    memoryWatch,
    diskWatch,
    async [Symbol.asyncDispose]() {
      await Promise.all([memoryWatch, diskWatch].map((watch) => watch[Symbol.asyncDispose]()))
    },
  }
}
