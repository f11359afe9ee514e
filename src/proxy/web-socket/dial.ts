/** Opens a WebSocket to a provider: the same guarded way, the same verified TLS as every call. */
import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'
import { proxyLimits } from '../limits.ts'
import { socketOptions } from './socket-options.ts'

export interface WebSocketDial {
  readonly to: RequestOptions
  readonly host: string
  readonly target: string
  /** Name, value, name, value, … without Host and those of the handshake. */
  readonly headers: readonly string[]
  /** Ends the dialling. */
  readonly signal: AbortSignal
}

/** The provider answered, but not with a WebSocket. */
export interface AnsweredDial {
  readonly kind: 'answered'
  readonly head: IncomingMessage
  /** Up to its ceiling. */
  readonly body: Buffer
}

export type Dialled =
  /** Paused: its first message may be there already. */
  | { readonly kind: 'open'; readonly socket: WebSocket; readonly head: IncomingMessage }
  | AnsweredDial
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' }

/** Never rejects. Whatever is not `open` is closed. */
export function dialWebSocket({ to, host, target, headers, signal }: WebSocketDial): Promise<Dialled> {
  if (signal.aborted) return Promise.resolve({ kind: 'aborted' })
  const { promise, resolve } = Promise.withResolvers<Dialled>()
  const { hostname, port, ...tls } = to
  const options = {
    ...tls,
    ...socketOptions(proxyLimits.maxEventBytes),
    headers: { host, ...byName(headers) },
    // As decided on: an URL would be spelled anew.
    finishRequest(request: { path: string; end(): unknown }) {
      request.path = target
      request.end()
    },
  }
  const socket = new WebSocket(`wss://${authority(hostname ?? '', port)}`, options as unknown as ClientOptions)
  let head: IncomingMessage | undefined
  let isOver = false

  const finish = (dialled: Dialled) => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    if (dialled.kind !== 'open') socket.terminate()
    resolve(dialled)
  }
  const onAbort = () => finish({ kind: 'aborted' })
  const timer = setTimeout(() => finish({ kind: 'timeout' }), proxyLimits.webSocketOpenMs)
  signal.addEventListener('abort', onAbort, { once: true })

  // Ending it on our own part is an error, too.
  socket.on('error', (error) => finish({ kind: 'failed', error }))
  socket.once('upgrade', (response) => {
    head = response
  })
  socket.once('open', () => {
    socket.pause()
    if (head) finish({ kind: 'open', socket, head })
  })
  socket.once('unexpected-response', (_, response) => {
    collect(response).then(
      (body) => finish({ kind: 'answered', head: response, body }),
      (error: Error) => finish({ kind: 'failed', error }),
    )
  })
  return promise
}

function authority(hostname: string, port: RequestOptions['port']): string {
  return `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`
}

async function collect(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let byteLength = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    byteLength += chunk.length
    if (byteLength > proxyLimits.maxRefusalBytes) break
  }
  return Buffer.concat(chunks).subarray(0, proxyLimits.maxRefusalBytes)
}

/** Repeated fields stay repeated. */
function byName(raw: readonly string[]): Record<string, string[]> {
  const fields = new Map<string, string[]>()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? ''
    fields.set(name, [...(fields.get(name) ?? []), raw[index + 1] ?? ''])
  }
  return Object.fromEntries(fields)
}
