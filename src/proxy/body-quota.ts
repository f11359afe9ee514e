/** Bounds what the request bodies of one bottle hold in memory together, however many requests it opens at once. */
export interface BodyQuota {
  /** The share of one exchange; disposing gives back all that it took. */
  open(): BodyShare
}

export interface BodyShare extends Disposable {
  /** False, taking nothing, where the bottle's bodies would hold more than allowed. */
  take(bytes: number): boolean
}

export function createBodyQuota(maxBytes: number): BodyQuota {
  let heldBytes = 0
  return {
    open() {
      let ownBytes = 0
      return {
        take(bytes) {
          if (heldBytes + bytes > maxBytes) return false
          heldBytes += bytes
          ownBytes += bytes
          return true
        },
        [Symbol.dispose]() {
          heldBytes -= ownBytes
          ownBytes = 0
        },
      }
    },
  }
}
