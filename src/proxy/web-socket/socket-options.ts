import { proxyLimits } from '../limits.ts'

/** What both ends of a metered WebSocket have in common. */
export function socketOptions(maxPayload: number) {
  return {
    perMessageDeflate: false,
    maxPayload,
    maxFragments: proxyLimits.maxMessageFragments,
    closeTimeout: proxyLimits.webSocketCloseMs,
  }
}
