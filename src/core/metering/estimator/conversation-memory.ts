/**
 * What one bottle sent before and what its provider counted for it. An agent sends its whole transcript with every call:
 * what was counted need not be estimated again. It belongs to one bottle, and nothing in it tells of another (I7).
 */
import { pieceBytesOf, type RequestProfile } from './request-profile.ts'

export interface CountedRequest {
  readonly profile: RequestProfile
  /** The provider's count of the whole prompt. */
  readonly inputTokens: number
}

export interface Recollection extends CountedRequest {
  /** Bytes that only one of the two requests has. */
  readonly differingBytes: number
}

/** Conversations that are kept, e.g. of an agent and its helpers; the least recently used is dropped. */
export const maxConversations = 16

/** A request that lost no more than this, or this part of its bytes, is the same conversation. */
const lostBytes = 8 * 1024
const lostPart = 0.1
/** Beyond this part of a request, what differs says less than an estimate of the whole. */
const maxDifferingPart = 0.5

interface Entry extends CountedRequest {
  readonly key: string
  readonly marks: ReadonlySet<number>
}

export class ConversationMemory {
  /** Most recently used first. */
  #entries: readonly Entry[] = []

  /** The request under the same key that this one differs least from. */
  recall(key: string, profile: RequestProfile): Recollection | undefined {
    let best: Recollection | undefined
    for (const entry of this.#entries) {
      if (entry.key !== key) continue
      const bothBytes = profile.totalBytes + entry.profile.totalBytes
      const differingBytes = bothBytes - 2 * commonBytes(profile, entry)
      if (differingBytes > profile.totalBytes * maxDifferingPart) continue
      if (!best || differingBytes < best.differingBytes) best = { ...entry, differingBytes }
    }
    return best
  }

  /** Takes the place of the requests that it continues. */
  remember(key: string, counted: CountedRequest): void {
    const isContinued = (entry: Entry) => {
      const bytes = entry.profile.totalBytes
      return entry.key === key && bytes - commonBytes(counted.profile, entry) <= Math.max(lostBytes, bytes * lostPart)
    }
    const others = this.#entries.filter((entry) => !isContinued(entry))
    this.#entries = [{ ...counted, key, marks: new Set(counted.profile.marks) }, ...others].slice(0, maxConversations)
  }
}

function commonBytes({ marks }: RequestProfile, entry: Entry): number {
  let bytes = 0
  for (const mark of marks) if (entry.marks.has(mark)) bytes += pieceBytesOf(mark)
  return bytes
}
