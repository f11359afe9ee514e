import { createOpenExchanges, type OpenExchanges } from '../open-exchanges.ts'

/** The WebSockets of one bottle, and what they share. */
export interface BottleSockets {
  /** A socket is none of the bottle's exchanges: each request on it is one. */
  readonly open: OpenExchanges
  readonly exchanges: OpenExchanges
}

export function createBottleSockets(exchanges: OpenExchanges): BottleSockets {
  return { open: createOpenExchanges(), exchanges }
}
