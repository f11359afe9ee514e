/**
 * One connection of a bottle, from its accept to its close. What is spoken on it changes as it goes on: a proxy request, a
 * TLS handshake, HTTP. Whatever it is, it can be ended.
 */
import type { Socket } from 'node:net'
import { proxyLimits } from './limits.ts'

/** The protocol that is spoken on a connection at the moment. */
export interface Spoken {
  /** Ends it in order, after the answers that are under way. */
  endSoon(): void
}

export class ClientConnection {
  readonly #socket: Socket
  #spoken: Spoken
  #isEnding = false

  constructor(socket: Socket) {
    this.#socket = socket
    this.#spoken = { endSoon: () => socket.destroySoon() }
    socket.setNoDelay(true)
    // A reset by the client is no event for anyone else; what it means for an exchange is seen at its response.
    socket.on('error', () => socket.destroy())
  }

  /** From here on another protocol is spoken on it. */
  speak(spoken: Spoken): void {
    this.#spoken = spoken
  }

  /** Ends it in order, and after a while in any case. Idempotent. */
  endSoon(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#spoken.endSoon()
    const timer = setTimeout(() => this.destroy(), proxyLimits.cutFlushMs)
    this.#socket.once('close', () => clearTimeout(timer))
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
