/** One request in flight, as its bottle's proxy knows it: it can be cut at any moment. */
export interface OpenExchange {
  /** The attempt id in the ledger, and the request id that the client is told. */
  readonly id: string
  readonly signal: AbortSignal
  /** What the client is told once cut. */
  readonly cutMessage: string | undefined
  /** Ends it; the first cause wins. */
  cut(message: string): void
  /** What became of it so far, for the log. */
  readonly traffic: { wasRefused: boolean; isWebSocket: boolean; answerBytes: number }
}

export function openExchange(id: string): OpenExchange {
  const controller = new AbortController()
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
    traffic: { wasRefused: false, isWebSocket: false, answerBytes: 0 },
  }
}
