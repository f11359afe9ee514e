/** Clients of a proxy rig that speak one version of HTTP each, behind one interface: what an exchange promises holds for all. */
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import { Agent } from 'node:https'
import type { Readable } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { type AskOptions, anthropicHost, metered, startRequest } from './proxy-client.ts'
import type { ProxyRig } from './proxy-rig.ts'

export interface OpenAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers'] | IncomingHttpHeaders
  readonly body: Readable
  /** Hangs up on the answer. */
  leave(): void
}

export interface ReadAnswer {
  readonly status: number
  readonly headers: OpenAnswer['headers']
  readonly text: string
  /** False when the answer broke off before its end. */
  readonly isWhole: boolean
}

/** A request whose body the caller sends. */
export interface StartedRequest {
  /** Resolves with the head of the answer, rejects where there is none. */
  readonly answer: Promise<OpenAnswer>
  write(bytes: string | Buffer): void
  end(bytes?: string | Buffer): void
  leave(): void
}

export interface HttpClient extends Disposable {
  start(options?: AskOptions): StartedRequest
  open(options?: AskOptions): Promise<OpenAnswer>
  ask(options?: AskOptions): Promise<ReadAnswer>
}

export interface Protocol {
  readonly name: 'HTTP/1.1' | 'HTTP/2'
  /** Keeps its connections: one for each request at a time, or one for all. */
  connect(rig: ProxyRig): HttpClient
}

export const protocols: readonly Protocol[] = [
  { name: 'HTTP/1.1', connect: connectHttp1 },
  { name: 'HTTP/2', connect: connectHttp2 },
]

function connectHttp1(rig: ProxyRig): HttpClient {
  const agent = new Agent({ keepAlive: true })
  return clientOf(
    (options) => {
      const request = startRequest(rig, { ...options, agent })
      return {
        answer: http1Answer(request),
        write: (bytes) => void request.write(bytes),
        end: (bytes) => void request.end(bytes),
        leave: () => request.destroy(),
      }
    },
    () => agent.destroy(),
  )
}

function connectHttp2(rig: ProxyRig): HttpClient {
  const sessions = new Map<string, ClientHttp2Session>()
  const sessionOf = (host: string) => {
    const known = sessions.get(host)
    if (known && !known.closed && !known.destroyed) return known
    const session = openHttp2Session(rig, host)
    sessions.set(host, session)
    return session
  }
  return clientOf(
    ({ host = anthropicHost, method = 'POST', path = '/v1/messages', headers = [] }) => {
      const fields = [':method', method, ':scheme', 'https', ':authority', host, ':path', path, ...headers]
      const stream = sessionOf(host).request(fields)
      stream.on('error', () => {})
      return {
        answer: http2Answer(stream),
        write: (bytes) => void stream.write(bytes),
        end: (bytes) => void stream.end(bytes),
        // Not `close`, which would end the request in order first.
        leave: () => void stream.destroy(new Error('left')),
      }
    },
    () => {
      for (const session of sessions.values()) session.destroy()
    },
  )
}

/** A session through the transparent :443, of Node's own client. */
export function openHttp2Session(rig: ProxyRig, host: string = anthropicHost): ClientHttp2Session {
  const session = connect(`https://${host}`, {
    createConnection: () =>
      connectTls({
        host: '127.0.0.1',
        port: rig.ports.tls,
        servername: host,
        ca: rig.caCertificate,
        ALPNProtocols: ['h2', 'http/1.1'],
      }),
  })
  session.on('error', () => {})
  return session
}

async function http1Answer(request: ClientRequest): Promise<OpenAnswer> {
  const [body] = (await once(request, 'response')) as [IncomingMessage]
  body.on('error', () => {})
  return { status: body.statusCode ?? 0, headers: body.headers, body, leave: () => request.destroy() }
}

async function http2Answer(stream: ClientHttp2Stream): Promise<OpenAnswer> {
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  return {
    status: Number(headers[':status']),
    headers,
    body: stream,
    leave: () => stream.close(constants.NGHTTP2_CANCEL),
  }
}

function clientOf(start: (options: AskOptions) => StartedRequest, close: () => void): HttpClient {
  const open = async (options: AskOptions = {}) => {
    const { body = options.method === undefined || options.method === 'POST' ? metered() : '', headers = [] } = options
    const length = body.length > 0 ? ['content-length', String(Buffer.byteLength(body))] : []
    const request = start({ ...options, headers: [...headers, ...length] })
    request.end(body.length > 0 ? body : undefined)
    return request.answer
  }
  return {
    start(options = {}) {
      const request = start(options)
      request.answer.catch(() => {})
      return request
    },
    open,
    ask: async (options) => read(await open(options)),
    [Symbol.dispose]: close,
  }
}

export async function read({ status, headers, body }: OpenAnswer): Promise<ReadAnswer> {
  const chunks: Buffer[] = []
  body.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A stream of HTTP/2 that ended may never close: Node waits for the end of an upload whose callback got lost.
  if (!body.readableEnded && !body.destroyed) {
    await new Promise((resolve) => body.once('end', resolve).once('close', resolve))
  }
  const isWhole = 'complete' in body ? body.complete === true : 'rstCode' in body && body.rstCode === 0
  return { status, headers, text: Buffer.concat(chunks).toString(), isWhole: isWhole && body.readableEnded }
}
