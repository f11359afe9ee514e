/** HTTP/1.1 on the connections of a bottle: one request at a time on each. */
import { createServer, type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { plainAnswer } from '../core/provider/refusal.ts'
import type { Arrival } from '../core/routing/strict-request.ts'
import { give } from './answer.ts'
import type { ClientConnection } from './client-connection.ts'
import { proxyLimits } from './limits.ts'
import type { ArrivedRequest } from './ready-request.ts'
import { strictHttp1Request } from './strict-http1.ts'

/** A connection that HTTP/1.1 is spoken on. */
export interface Http1Connection {
  readonly connection: ClientConnection
  readonly arrival: Arrival
}

export interface Http1FrontOptions {
  /** `upgrade` is set where a GET request asks for a WebSocket. */
  onRequest(arrived: ArrivedRequest): void
  /** The socket is the caller's from then on, with the bytes that follow the head. */
  onConnect(request: IncomingMessage, socket: Socket, connection: ClientConnection): void
}

export interface Http1Front {
  serve(http1: Http1Connection, socket: Socket): void
  close(): void
}

interface Served extends Http1Connection {
  lastAnswer: ServerResponse | undefined
}

const pipelinedAnswer = plainAnswer(400, 'pipelined', 'bot-bottle: the request before this one is not answered yet')

export function createHttp1Front({ onRequest, onConnect }: Http1FrontOptions): Http1Front {
  const served = new WeakMap<Socket, Served>()
  const server = createServer({
    maxHeaderSize: proxyLimits.maxHeadBytes,
    headersTimeout: proxyLimits.headTimeoutMs,
    requestTimeout: proxyLimits.requestTimeoutMs,
    connectionsCheckingInterval: proxyLimits.timeoutCheckMs,
    keepAliveTimeout: proxyLimits.keepAliveTimeoutMs,
    noDelay: true,
    shouldUpgradeCallback: ({ method, headers }) => method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket',
  })
  // A server that is given its connections starts no watch over them of its own: without this event there are no
  // timeouts.
  server.emit('listening')
  server.on('request', (incoming, response) => {
    response.sendDate = false
    // Node gives a response its socket when those before it are over. Served at the same time, a request in the pipeline
    // would not learn that its client is gone.
    if (response.socket === null) return give(response, pipelinedAnswer)
    const http1 = served.get(incoming.socket)
    if (!http1) return response.destroy()
    http1.lastAnswer = response
    onRequest({ ...arrivedRequest(incoming, http1.arrival), response })
  })
  server.on('upgrade', (incoming, socket: Socket, head) => {
    const http1 = served.get(socket)
    // Behind a request that is not answered yet, its answer and ours would be written into each other.
    if (!http1 || (http1.lastAnswer && !http1.lastAnswer.closed)) return socket.destroy()
    const { arrival, connection } = http1
    const response = answerOn(incoming, socket)
    connection.speak({ endSoon: () => {} })
    const upgrade = { request: incoming, response, socket, head, connection }
    onRequest({ ...arrivedRequest(incoming, arrival), response, upgrade })
  })
  server.on('connect', (request, socket: Socket, head) => {
    const http1 = served.get(socket)
    if (!http1) return socket.destroy()
    if (head.length > 0) socket.unshift(head)
    onConnect(request, socket, http1.connection)
  })

  return {
    serve({ connection, arrival }, socket) {
      const http1: Served = { connection, arrival, lastAnswer: undefined }
      served.set(socket, http1)
      connection.speak({
        endSoon() {
          const { lastAnswer } = http1
          if (!lastAnswer || lastAnswer.closed) socket.destroySoon()
          else lastAnswer.once('close', () => socket.destroySoon())
        },
      })
      server.emit('connection', socket)
    },
    close: () => void server.close(),
  }
}

function arrivedRequest(incoming: IncomingMessage, arrival: Arrival): Omit<ArrivedRequest, 'response'> {
  const { method = '', rawHeaders } = incoming
  return {
    request: { httpVersion: '1.1', method, rawHeaders, body: incoming },
    arrival,
    line: strictHttp1Request(incoming, arrival),
  }
}

/** Node makes no response to a request to upgrade. It ends the connection. */
function answerOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  response.sendDate = false
  response.assignSocket(socket)
  response.once('finish', () => {
    response.detachSocket(socket)
    socket.destroySoon()
  })
  return response
}
