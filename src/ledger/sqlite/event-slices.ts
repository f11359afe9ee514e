import type { DatabaseSync } from 'node:sqlite'

export interface EventSlice {
  /** A sequence number that there is. */
  readonly first: number
  /** The first that is not in it any more. */
  readonly end: number
}

/** All events in slices of so many sequence numbers, in their order. Gaps cost nothing, however wide. */
export function* eventSlices(db: DatabaseSync, sliceEvents: number): Generator<EventSlice> {
  const findNext = db.prepare('SELECT min(sequence) AS first FROM usage_event WHERE sequence >= ?')
  const firstFrom = (sequence: number) => (findNext.get(sequence) as { readonly first: number | null }).first
  for (let first = firstFrom(0); first !== null; first = firstFrom(first + sliceEvents)) {
    yield { first, end: first + sliceEvents }
  }
}
