/** A provider that speaks WebSocket exactly as a test says. It accepts every upgrade, unless the test answers it itself. */
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { providerHosts } from './metered-upstream.ts'
import { startRawUpstream, type Upstream, type UpstreamOptions } from './raw-upstream.ts'

export interface SocketUpstreamOptions extends UpstreamOptions {
  /** What is done with each message; by default a small response. */
  readonly onMessage?: (message: string, socket: WebSocket) => void
  /** Answers an upgrade in place of the WebSocket. */
  readonly onUpgrade?: (socket: Duplex, request: IncomingMessage) => void
  readonly server?: ServerOptions
}

export interface SocketUpstream extends Upstream {
  /** Heads of the upgrades, oldest first. */
  readonly upgrades: readonly IncomingMessage[]
  /** Texts of the messages that came, oldest first. */
  readonly messages: readonly string[]
  readonly sockets: readonly WebSocket[]
}

export async function startSocketUpstream(options: SocketUpstreamOptions = {}): Promise<SocketUpstream> {
  const { onMessage = answerSmall, onUpgrade, server, ...upstreamOptions } = options
  const upgrades: IncomingMessage[] = []
  const messages: string[] = []
  const sockets: WebSocket[] = []
  const http = createHttpServer()
  const accepting = new WebSocketServer({ noServer: true, perMessageDeflate: true, ...server })
  http.on('upgrade', (request, socket, head) => {
    upgrades.push(request)
    if (onUpgrade) return onUpgrade(socket, request)
    accepting.handleUpgrade(request, socket, head, (client) => {
      sockets.push(client)
      client.on('error', () => {})
      client.on('message', (message) => {
        messages.push(String(message))
        onMessage(String(message), client)
      })
    })
  })
  const upstream = await startRawUpstream((socket) => http.emit('connection', socket), {
    names: providerHosts,
    ...upstreamOptions,
  })
  return Object.assign(upstream, { upgrades, messages, sockets })
}

export const smallSocketUsage = { input_tokens: 7, output_tokens: 3, total_tokens: 10 }

/** Events of a response as messages. */
export function responseEvents({
  id = 'resp_1',
  deltas = ['hi'],
  usage = smallSocketUsage,
}: {
  readonly id?: string
  readonly deltas?: readonly string[]
  readonly usage?: object
} = {}): string[] {
  const response = { id, object: 'response', model: 'gpt-5' }
  return [
    { type: 'response.created', response: { ...response, status: 'in_progress', usage: null } },
    ...deltas.map((delta) => ({ type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, delta })),
    { type: 'response.completed', response: { ...response, status: 'completed', usage } },
  ].map((event) => JSON.stringify(event))
}

function answerSmall(_: string, socket: WebSocket): void {
  for (const event of responseEvents()) socket.send(event)
}
