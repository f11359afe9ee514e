/** The socket of the process that holds a bottle in the background: in the bottle's directory, which only the user may enter. */
import { once } from 'node:events'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const socketName = 'holder.sock'
/** A terminal that takes longer for the last of it goes without. */
const lastOutputMs = 1_000

/** By way of an open directory: the path of a socket may have 107 bytes, and that of a directory any length. */
function openDirectory(path: string): { readonly socketPath: string } & Disposable {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  return {
    socketPath: `/proc/self/fd/${directory}/${socketName}`,
    [Symbol.dispose]: () => closeSync(directory),
  }
}

export async function serveHolder(directory: string, onConnection: (socket: Socket) => void): Promise<AsyncDisposable> {
  // Of a holder that died before.
  rmSync(join(directory, socketName), { force: true })
  const opened = openDirectory(directory)
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  await once(server.listen(opened.socketPath), 'listening')
  return {
    async [Symbol.asyncDispose]() {
      server.close()
      opened[Symbol.dispose]()
      const closed = [...sockets].map((socket) => once(socket, 'close').catch(() => undefined))
      for (const socket of sockets) socket.end()
      await Promise.race([Promise.all(closed), delay(lastOutputMs)])
    },
  }
}

/** undefined where no process holds the bottle in the background. */
export async function connectHolder(directory: string): Promise<Socket | undefined> {
  try {
    using opened = openDirectory(directory)
    const socket = connect(opened.socketPath)
    await once(socket, 'connect')
    socket.on('error', () => undefined)
    return socket
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
    throw error
  }
}
