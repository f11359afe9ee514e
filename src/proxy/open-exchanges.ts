/**
 * The exchanges in flight of one bottle, in slots that are used again. Not a Map or Set: with many entries that come and go,
 * V8 leaves a chain of outgrown tables behind, each of which keeps the last requests alive until the next full collection.
 */
import type { OpenExchange } from './open-exchange.ts'

interface Entry {
  readonly exchange: OpenExchange
  readonly ended: Promise<void>
  slot: number
}

export interface OpenExchanges {
  readonly size: number
  /** Keeps the exchange until `ended`, which never rejects. */
  add(exchange: OpenExchange, ended: Promise<void>): void
  entries(): readonly Pick<Entry, 'exchange' | 'ended'>[]
}

export function createOpenExchanges(): OpenExchanges {
  const entries: Entry[] = []

  const remove = (entry: Entry) => {
    const last = entries.pop()
    if (last === undefined || last === entry) return
    entries[entry.slot] = last
    last.slot = entry.slot
  }

  return {
    get size() {
      return entries.length
    },
    add(exchange, ended) {
      const entry = { exchange, ended, slot: entries.length }
      entries.push(entry)
      ended.then(() => remove(entry))
    },
    entries: () => [...entries],
  }
}
