/** One request in flight, as its bottle's proxy knows it: it can be cut at any moment. */
export interface OpenExchange {
  /** The attempt id in the ledger, and the request id that the client is told. */
  readonly id: string
  readonly signal: AbortSignal
  /** What the client is told once cut. */
  readonly cutMessage: string | undefined
  /** Ends it; the first cause wins. */
  cut(message: string): void
  /** Resolves when nothing of it flows any more and its charge is in the ledger. */
  readonly ended: Promise<void>
}

export function openExchange(id: string): OpenExchange & { end(): void } {
  const controller = new AbortController()
  const { promise, resolve } = Promise.withResolvers<void>()
  let cutMessage: string | undefined
  return {
    id,
    signal: controller.signal,
    get cutMessage() {
      return cutMessage
    },
    cut(message) {
      cutMessage ??= message
      controller.abort()
    },
    ended: promise,
    end: resolve,
  }
}
