/**
 * Keeps the connections that a listener accepts before its owner listens to `connection`.
 *
 * *Why:* a listening handle that came over IPC accepts at once. Node would emit `connection` to nobody and the client
 * would hang for ever on a socket that no one knows. Held sockets are given to the owner's first `connection` handler
 * with the bytes that they have received; beyond the limit they are closed, so the client sees a refusal.
 */
import type { Server, Socket } from 'node:net'

const maxHeldConnections = 256

export interface HeldConnections {
  /** Closes what nobody took. */
  release(): void
}

export function holdEarlyConnections(server: Server): HeldConnections {
  const held = new Set<Socket>()

  const hold = (socket: Socket): void => {
    // Without a listener for `error` a client that resets while it is held would crash the process.
    socket.on('error', ignore)
    if (held.size >= maxHeldConnections) return void socket.destroy()
    held.add(socket)
    socket.once('close', () => held.delete(socket))
  }

  const handOver = (event: string): void => {
    if (event !== 'connection') return
    server.off('newListener', handOver)
    server.off('connection', hold)
    // `newListener` comes before the listener is there.
    process.nextTick(() => {
      for (const socket of held) {
        held.delete(socket)
        if (socket.destroyed) continue
        server.emit('connection', socket)
        socket.off('error', ignore)
      }
    })
  }

  server.on('connection', hold)
  server.on('newListener', handOver)
  return {
    release: () => {
      for (const socket of held) socket.destroy()
    },
  }
}

function ignore(): void {}
