/**
 * A provider on loopback that speaks Anthropic Messages, OpenAI Responses (over WebSockets too), chat completions,
 * completions and embeddings, and Gemini over real TLS, and asks no model. What it reports follows from the request alone (see tokens.ts, prompt-cache.ts, answer.ts), so
 * a ledger can be checked against `served` to the token.
 *
 * It listens on 127.0.0.1 only and stops generating as soon as a client leaves.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import {
  sendAnthropicError,
  serveAnthropicModels,
  serveCountTokens,
  serveMessages,
  serveSideCall,
} from './anthropic.ts'
import type { Call } from './call.ts'
import { createServerCertificate, type ServerCertificate } from './certificates.ts'
import { serveChat, serveEmbeddings } from './chat.ts'
import { MalformedRequest } from './conversation.ts'
import { type Failure, SimulatedFailure } from './failure.ts'
import { isGemini, sendGeminiError, serveGemini } from './gemini.ts'
import { sendOpenAIError, serveCodexModels, serveInputTokens, serveOpenAIModels, serveResponses } from './openai.ts'
import { createResponseSockets } from './openai-socket.ts'
import { createRequestLog, type LogEntry, type ServedRequest } from './request-log.ts'
import { createSimulation, isAuthorized, type Simulation, type SimulationOptions } from './simulation.ts'

export interface SimulatedProviderOptions extends SimulationOptions {
  /** By default a leaf of a throw-away CA, for the names below. */
  readonly certificate?: ServerCertificate
  /** 0, the default, takes any free port. */
  readonly port?: number
  /** Asked for each metered request once its head is there; nothing fails by default. */
  readonly fail?: (request: ServedRequest) => Failure | undefined
  /** Whether the log keeps what was sent; off by default. */
  readonly keepsBodies?: boolean
  /** Whether Responses are also served over WebSockets, as by default. */
  readonly webSockets?: boolean
}

export interface SimulatedProvider extends AsyncDisposable {
  readonly port: number
  /** PEM of the CA that a client must trust. */
  readonly caCertificate: string
  /** Every request so far, oldest first; entries of running requests change. */
  readonly served: readonly ServedRequest[]
  /** TCP connections accepted so far. */
  readonly connectionCount: number
}

export const providerNames = [
  'api.anthropic.com',
  'platform.claude.com',
  'api.openai.com',
  'auth.openai.com',
  'chatgpt.com',
  'generativelanguage.googleapis.com',
  'localhost',
  '127.0.0.1',
] as const

export async function startSimulatedProvider(options: SimulatedProviderOptions = {}): Promise<SimulatedProvider> {
  const certificate = options.certificate ?? (await createServerCertificate({ names: providerNames }))
  const simulation = createSimulation(options)
  const log = createRequestLog({ keepsBodies: options.keepsBodies ?? false })
  const server = createServer({ cert: certificate.certificate, key: certificate.key })
  let connectionCount = 0
  server.on('connection', () => {
    connectionCount += 1
  })
  server.on('request', (request, response) => {
    const entry = log.open(request)
    serve({ request, response, entry, fail: options.fail }, simulation).catch((bug: unknown) => {
      process.stderr.write(`simulated provider: ${bug instanceof Error ? bug.stack : String(bug)}\n`)
      response.destroy()
    })
  })
  const sockets = createResponseSockets({ simulation, log, fail: options.fail, isOn: options.webSockets ?? true })
  server.on('upgrade', sockets.accept)
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    caCertificate: certificate.caCertificate,
    served: log.served,
    get connectionCount() {
      return connectionCount
    },
    async [Symbol.asyncDispose]() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      sockets.close()
      await once(server, 'close')
    },
  }
}

interface Arrival {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly entry: LogEntry
  readonly fail: SimulatedProviderOptions['fail']
}

async function serve({ request, response, entry, fail }: Arrival, simulation: Simulation): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => {
    if (entry.end === 'open') entry.end = response.writableFinished ? 'complete' : 'aborted'
    if (!response.writableFinished) gone.abort()
  })
  // A client that leaves while it sends its body ends the request, not the response.
  response.on('error', () => gone.abort())
  response.setHeader('request-id', entry.id)
  const url = new URL(entry.path, 'https://provider.invalid')
  const call: Call = { request, response, url, entry, failure: fail?.(entry), signal: gone.signal }
  try {
    await route(call, simulation)
  } catch (thrown) {
    if (thrown instanceof MalformedRequest) return refuse(call, 400, thrown.message)
    if (thrown instanceof SimulatedFailure) {
      entry.end = 'failed'
      if (thrown.kind === 'reset') response.destroy()
      else response.end()
      return
    }
    if (!gone.signal.aborted && !request.destroyed) throw thrown
    entry.end = 'aborted'
  }
}

async function route(call: Call, simulation: Simulation): Promise<void> {
  const { request, url } = call
  const endpoint = `${request.method} ${url.pathname}`
  if (serveSideCall(call)) return
  if (await simulation.signIn.serve(call)) return
  if (!isAuthorized(call, simulation)) {
    request.resume()
    return refuse(call, 401, 'The credential is missing or invalid.')
  }
  if (isGemini(call)) return serveGemini(call, simulation)
  switch (endpoint) {
    case 'POST /v1/messages':
      return serveMessages(call, simulation)
    case 'POST /v1/messages/count_tokens':
      return serveCountTokens(call)
    case 'POST /v1/responses/input_tokens':
      return serveInputTokens(call)
    case 'POST /v1/responses':
    case 'POST /backend-api/codex/responses':
      return serveResponses(call, simulation)
    case 'POST /v1/chat/completions':
      return serveChat(call, simulation, 'chat')
    case 'POST /v1/completions':
      return serveChat(call, simulation, 'legacy')
    case 'POST /v1/embeddings':
      return serveEmbeddings(call)
    case 'GET /v1/models':
      return isAnthropic(call) ? serveAnthropicModels(call) : serveOpenAIModels(call)
    case 'GET /backend-api/codex/models':
      return serveCodexModels(call)
    default:
      request.resume()
      return refuse(call, 404, `Not found: ${endpoint}`)
  }
}

function refuse(call: Call, status: number, message: string): void {
  if (isAnthropic(call)) sendAnthropicError(call, status, message)
  else if (isGemini(call)) sendGeminiError(call, status, message)
  else sendOpenAIError(call, status, message)
}

function isAnthropic({ request, url }: Call): boolean {
  return request.headers['anthropic-version'] !== undefined || url.pathname.startsWith('/v1/messages')
}
