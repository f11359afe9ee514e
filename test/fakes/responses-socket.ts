/** A client of the Responses API over a WebSocket, as Codex is one: one turn after the other on one socket. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type ClientOptions, WebSocket } from 'ws'
import { openaiHost } from './proxy-client.ts'

export interface SocketOptions {
  readonly port: number
  readonly ca: string
  /** By default as Codex sends them. */
  readonly headers?: Readonly<Record<string, string>>
  readonly path?: string
  readonly client?: ClientOptions
}

export type ServerEvent = { readonly type: string } & Readonly<Record<string, unknown>>

export interface ResponsesSocket extends Disposable {
  readonly socket: WebSocket
  /** Head of the answer to the upgrade. */
  readonly head: IncomingMessage
  /** Every event so far, and as the text that came. */
  readonly events: readonly ServerEvent[]
  readonly texts: readonly string[]
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  send(message: object | string | Buffer): void
  /** The next event that nobody has read, once it is there. Rejects when the socket closes first. */
  next(): Promise<ServerEvent>
  /** Sends a message and reads to the end of its answer. */
  turn(message: object): Promise<readonly ServerEvent[]>
}

export const codexHeaders = { authorization: 'Bearer placeholder', 'openai-beta': 'responses_websockets=2026-02-06' }
const terminalTypes = new Set(['response.completed', 'response.incomplete', 'response.failed', 'error'])

/** Resolves once the socket is open. Rejects with the answer's status where the upgrade is refused. */
export async function openResponsesSocket(options: SocketOptions): Promise<ResponsesSocket> {
  const { port, ca, headers = codexHeaders, path = '/v1/responses', client } = options
  const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, {
    ca,
    servername: openaiHost,
    headers: { host: openaiHost, ...headers },
    ...client,
  } as ClientOptions)
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  const events: ServerEvent[] = []
  const texts: string[] = []
  let readCount = 0
  let onEvent = () => {}
  socket.on('message', (data) => {
    const text = String(data)
    texts.push(text)
    events.push(JSON.parse(text))
    onEvent()
  })
  const upgraded = once(socket, 'upgrade') as Promise<[IncomingMessage]>
  const opened = once(socket, 'open')
  const [[head]] = await Promise.all([upgraded, opened])
  socket.on('error', () => {})
  const send: ResponsesSocket['send'] = (message) => {
    const isRaw = typeof message === 'string' || Buffer.isBuffer(message)
    socket.send(isRaw ? message : JSON.stringify(message))
  }
  const next = async (): Promise<ServerEvent> => {
    while (events.length <= readCount) {
      const arrived = new Promise<undefined>((resolve) => {
        onEvent = () => resolve(undefined)
      })
      const end = await Promise.race([arrived, closed])
      if (end && events.length <= readCount) throw new Error(`closed with ${end.code} ${end.reason}`)
    }
    readCount += 1
    return events[readCount - 1] as ServerEvent
  }
  return {
    socket,
    head,
    events,
    texts,
    closed,
    send,
    next,
    async turn(message) {
      send(message)
      const turn: ServerEvent[] = []
      do turn.push(await next())
      while (!terminalTypes.has(turn.at(-1)?.type ?? ''))
      return turn
    },
    [Symbol.dispose]: () => socket.terminate(),
  }
}

/** A request for an answer, as small as it can be. */
export function create(fields: object = {}): object {
  return { type: 'response.create', model: 'gpt-6.1-sol', input: 'say hi', ...fields }
}
