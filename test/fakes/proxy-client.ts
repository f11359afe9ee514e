/** Clients of a proxy rig: raw sockets for what no HTTP library would send, Node's own for what it would. */
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { ProxyRig } from './proxy-rig.ts'

export const anthropicHost = 'api.anthropic.com'
export const openaiHost = 'api.openai.com'
export const googleHost = 'generativelanguage.googleapis.com'

/** A plain connection to one of the rig's listeners. Its errors are no event: tests break connections on purpose. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** TLS over a connection, verified against the bottle's CA. Rejects when the handshake fails. */
export async function secure(rig: ProxyRig, socket: Socket, servername: string): Promise<TLSSocket> {
  const tls = connectTls({ socket, servername, ca: rig.caCertificate, ALPNProtocols: ['http/1.1'] })
  await once(tls, 'secureConnect')
  tls.on('error', () => {})
  return tls
}

/** A connection to the transparent :443 as a program in the bottle makes it. */
export async function dialTls(rig: ProxyRig, servername: string = anthropicHost): Promise<TLSSocket> {
  return secure(rig, await dial(rig.ports.tls), servername)
}

/** A connection through the explicit proxy, after its 200. */
export async function dialTunnel(rig: ProxyRig, target: string): Promise<Socket> {
  const socket = await dial(rig.ports.proxy)
  socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`)
  const head = await readHead(socket)
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`the tunnel was refused: ${head}`)
  return socket
}

/** What comes until the first blank line; for an answer without a body. */
export async function readHead(socket: Socket): Promise<string> {
  let text = ''
  while (!text.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    text += chunk.toString('latin1')
  }
  return text
}

/** Everything that comes until the other side closes, whether by an end or a reset. */
export function readToClose(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('end', () => socket.end())
  socket.once('close', () => resolve(text))
  socket.resume()
  return promise
}

/** Sends bytes on a fresh TLS connection and gives everything that came back. The proxy must close. */
export async function exchangeRaw(rig: ProxyRig, bytes: string | Buffer, servername?: string): Promise<string> {
  const socket = await dialTls(rig, servername)
  const answer = readToClose(socket)
  socket.write(bytes)
  return answer
}

export interface AskOptions {
  readonly host?: string
  readonly method?: string
  readonly path?: string
  /** Names as they shall be spelled; may repeat. */
  readonly headers?: readonly string[]
  readonly body?: string | Buffer
  readonly agent?: Agent
}

/** One connection at a time, kept alive. */
export function keepAliveAgent(): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() })
}

/** A request through the transparent :443 whose body the caller sends and ends. */
export function startRequest(rig: ProxyRig, options: AskOptions = {}): ClientRequest {
  const { host = anthropicHost, method = 'POST', path = '/v1/messages', headers = [], agent = false } = options
  const request = httpsRequest({
    host: '127.0.0.1',
    port: rig.ports.tls,
    servername: host,
    ca: rig.caCertificate,
    agent,
    method,
    path,
    setHost: false,
    headers: ['host', host, ...headers],
  })
  request.on('error', () => {})
  return request
}

/** Resolves with the head of the answer; the body is not read. Rejects when there is none. */
export async function open(rig: ProxyRig, options: AskOptions = {}): Promise<IncomingMessage> {
  const { body = options.method === undefined || options.method === 'POST' ? metered() : '', headers = [] } = options
  const length = body.length > 0 ? ['content-length', String(Buffer.byteLength(body))] : []
  const request = startRequest(rig, { ...options, headers: [...headers, ...length] })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  request.end(body)
  const [response] = await answered
  response.on('error', () => {})
  return response
}

export interface Answered {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** False when the connection broke before the end that the head announced. */
  readonly isWhole: boolean
}

export async function ask(rig: ProxyRig, options: AskOptions = {}): Promise<Answered> {
  return readAnswer(await open(rig, options))
}

export async function readAnswer(response: IncomingMessage): Promise<Answered> {
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!response.closed) await new Promise((resolve) => response.once('close', resolve))
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: Buffer.concat(chunks),
    isWhole: response.complete,
  }
}

/** A small metered request in Anthropic's shape. */
export function metered(fields: object = {}): string {
  const messages = [{ role: 'user', content: 'say hi' }]
  return JSON.stringify({ model: 'claude-opus-4-8', max_tokens: 500, stream: true, messages, ...fields })
}
