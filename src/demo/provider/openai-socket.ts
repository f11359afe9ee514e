/**
 * The Responses API over a WebSocket: each `response.create` message is answered with the events of the stream, one message
 * each, one response after the other. https://developers.openai.com/api/docs/guides/websocket-mode
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { type Answer, composeAnswer } from './answer.ts'
import { beginServing, type Call, countSent, MAX_BODY_BYTES } from './call.ts'
import { MalformedRequest } from './conversation.ts'
import { type Failure, SimulatedFailure } from './failure.ts'
import { openAIError, serverError, startAnswer } from './openai.ts'
import { openAIEvents } from './openai-events.ts'
import { outputOf } from './openai-object.ts'
import { type CreateMessage, readCreateMessage, readOpenAIRequest } from './openai-request.ts'
import type { RequestLog, ServedRequest } from './request-log.ts'
import { isAuthorized, type Simulation } from './simulation.ts'

export interface ResponseSocketsOptions {
  readonly simulation: Simulation
  readonly log: RequestLog
  readonly fail: ((request: ServedRequest) => Failure | undefined) | undefined
  /** Otherwise every upgrade is answered 426, and Codex goes on with HTTP at once. */
  readonly isOn: boolean
}

export interface ResponseSockets {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void
  close(): void
}

const paths = new Set(['/v1/responses', '/backend-api/codex/responses'])

export function createResponseSockets(options: ResponseSocketsOptions): ResponseSockets {
  const { simulation, log, isOn } = options
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES, perMessageDeflate: true })
  server.on('headers', (headers) => headers.push('openai-model: gpt-6.1-sol'))
  return {
    accept(request, socket, head) {
      const entry = log.open(request)
      const refuse = (status: string) => {
        entry.status = Number.parseInt(status, 10)
        entry.end = 'complete'
        socket.on('error', () => socket.destroy())
        socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
      }
      if (!isOn || !paths.has(new URL(entry.path, 'https://provider.invalid').pathname))
        return refuse('426 Upgrade Required')
      if (!isAuthorized({ entry }, simulation)) return refuse('401 Unauthorized')
      server.handleUpgrade(request, socket, head, (client) => {
        entry.status = 101
        client.once('close', () => {
          entry.end = 'complete'
        })
        serveSocket(client, request, options)
      })
    },
    close() {
      for (const client of server.clients) client.terminate()
    },
  }
}

function serveSocket(socket: WebSocket, request: IncomingMessage, options: ResponseSocketsOptions): void {
  const gone = new AbortController()
  const conversation: SocketConversation = { id: undefined, items: [] }
  let ended = Promise.resolve()
  socket.once('close', () => gone.abort())
  socket.on('error', () => socket.terminate())
  socket.on('message', (message) => {
    const entry = options.log.open(request, 'response.create')
    ended = ended
      .then(() => serveMessage(message, { socket, conversation, entry, ...options, signal: gone.signal }))
      .catch((bug: unknown) => {
        process.stderr.write(`simulated provider: ${bug instanceof Error ? bug.stack : String(bug)}\n`)
        socket.terminate()
      })
  })
}

/** What the provider keeps of a socket: its last response, and all that led to it. */
interface SocketConversation {
  id: string | undefined
  items: readonly unknown[]
}

interface MessageCall extends Pick<Call, 'entry' | 'signal'> {
  readonly socket: WebSocket
  readonly conversation: SocketConversation
  readonly simulation: Simulation
  readonly fail: ResponseSocketsOptions['fail']
}

async function serveMessage(message: RawData, call: MessageCall): Promise<void> {
  const { socket, entry, signal } = call
  const refuse = (status: number, reason: string, code?: string) => {
    entry.status = status
    return send(socket, { type: 'error', status, ...openAIError(status, reason, code) })
  }
  try {
    const create = readCreateMessage(parseMessage(message, entry))
    const failure = call.fail?.(entry)
    if (failure?.kind === 'http') await refuse(failure.status, 'Simulated failure')
    else if (create.previousResponseId !== undefined && create.previousResponseId !== call.conversation.id) {
      await refuse(400, `Previous response '${create.previousResponseId}' not found.`, 'previous_response_not_found')
    } else await answer(create, { ...call, failure })
    entry.end = 'complete'
  } catch (thrown) {
    entry.end = 'aborted'
    if (signal.aborted || socket.readyState !== socket.OPEN) return
    if (thrown instanceof MalformedRequest) {
      entry.end = 'complete'
      return refuse(400, thrown.message)
    }
    if (!(thrown instanceof SimulatedFailure)) throw thrown
    entry.end = 'failed'
    if (thrown.kind === 'reset') socket.terminate()
    if (thrown.kind === 'end') socket.close(1000)
  }
}

function parseMessage(message: RawData, entry: MessageCall['entry']): unknown {
  const text = String(message)
  entry.bodyBytes = Buffer.byteLength(text)
  if (entry.body !== undefined) entry.body = text
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MalformedRequest('The message is not valid JSON.', { cause })
  }
}

const nothing: Answer = { reasoning: [], text: [], toolCall: undefined, stop: 'end' }

async function answer(
  { fields, items, previousResponseId, isGenerating }: CreateMessage,
  call: MessageCall & Pick<Call, 'failure'>,
): Promise<void> {
  const { socket, entry, signal, simulation, conversation } = call
  const known = previousResponseId === undefined ? items : [...conversation.items, ...items]
  const asked = readOpenAIRequest({ ...fields, input: known.length > 0 ? known : '' })
  entry.model = asked.model
  entry.stream = true
  const started = startAnswer(asked, call, {
    simulation,
    answer: isGenerating ? composeAnswer(asked, simulation.answers) : nothing,
  })
  const { response, pieces, inputUsage } = started
  const events = beginServing(call, openAIEvents(response, pieces), {
    inputUsage,
    errorEvent: () => serverError(response),
  })
  for await (const event of events) {
    signal.throwIfAborted()
    const sent = send(socket, event.payload)
    countSent(entry, event)
    await sent
  }
  conversation.id = response.id
  conversation.items = [...known, ...outputOf(response)]
}

/** Resolves when the client took it. */
function send(socket: WebSocket, payload: unknown): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.send(JSON.stringify(payload), (error) => (error ? reject(error) : resolve()))
  return promise
}
