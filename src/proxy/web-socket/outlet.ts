import type { WebSocket } from 'ws'
import { proxyLimits } from '../limits.ts'

/** Sends on one side of a WebSocket, and tells when that side does not keep up. */
export interface Outlet {
  /** `onTaken`: it was handed to the network, or never will be. */
  send(message: Buffer | string, onTaken?: () => void): void
  readonly isFull: boolean
}

export interface OutletOptions {
  onFull(): void
  onRoom(): void
}

export function createOutlet(socket: WebSocket, { onFull, onRoom }: OutletOptions): Outlet {
  let isFull = false
  const look = () => {
    const wasFull = isFull
    isFull = socket.bufferedAmount > proxyLimits.maxUnsentBytes
    if (isFull && !wasFull) onFull()
    if (wasFull && !isFull) onRoom()
  }
  return {
    send(message, onTaken) {
      socket.send(message, { binary: false }, () => {
        onTaken?.()
        look()
      })
      look()
    },
    get isFull() {
      return isFull
    },
  }
}
