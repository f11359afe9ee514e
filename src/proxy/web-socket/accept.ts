import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ClientConnection } from '../client-connection.ts'
import { proxyLimits } from '../limits.ts'
import { socketOptions } from './socket-options.ts'

/** A request to speak WebSocket on its connection from here on. */
export interface Upgrade {
  readonly request: IncomingMessage
  /** For the answer, when it is refused. */
  readonly response: ServerResponse
  readonly socket: Socket
  /** What came behind the head of the request. */
  readonly head: Buffer
  readonly connection: ClientConnection
}

/** Switches the connection to WebSocket; `undefined` when its client is gone. `headers`: name, value, … for its head. */
export function acceptWebSocket(
  { request, response, socket, head, connection }: Upgrade,
  headers: readonly string[],
): WebSocket | undefined {
  const options = {
    ...socketOptions(proxyLimits.maxMessageBytes),
    noServer: true,
    clientTracking: false,
    handleProtocols: () => false as const,
  }
  const server = new WebSocketServer(options)
  server.once('headers', (lines) => {
    for (let index = 0; index + 1 < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`)
  })
  response.detachSocket(socket)
  let client: WebSocket | undefined
  server.handleUpgrade(request, socket, head, (accepted) => {
    client = accepted
  })
  // What was written goes out first: with the last event, the close.
  connection.speak({ endSoon: () => socket.destroySoon() })
  return client
}
