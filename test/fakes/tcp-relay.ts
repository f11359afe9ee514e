/** A way to a TCP server that a test can cut: closed at once, or silent, as where packets are lost. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface TcpRelay extends AsyncDisposable {
  readonly port: number
  /** `closed`: connections end, and new ones too. `silent`: they stay, and nothing passes. */
  cut(how: 'closed' | 'silent'): void
  mend(): void
}

export async function startTcpRelay(targetPort: number): Promise<TcpRelay> {
  const sockets = new Set<Socket>()
  let state: 'open' | 'closed' | 'silent' = 'open'
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
  }
  const server = createServer((near) => {
    keep(near)
    if (state === 'closed') near.destroy()
    if (state !== 'open') return
    const far = connect(targetPort, '127.0.0.1')
    keep(far)
    near.on('data', (bytes) => state === 'open' && far.write(bytes)).on('close', () => far.destroy())
    far.on('data', (bytes) => state === 'open' && near.write(bytes)).on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the relay has no port')
  const closeAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    cut(how) {
      state = how
      if (how === 'closed') closeAll()
    },
    mend() {
      // What was lost on the way cannot be made up for.
      if (state === 'silent') closeAll()
      state = 'open'
    },
    async [Symbol.asyncDispose]() {
      closeAll()
      server.close()
      await once(server, 'close')
    },
  }
}
