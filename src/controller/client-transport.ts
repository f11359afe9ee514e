/**
 * HTTP with JSON bodies over the controller's unix socket. Every failure is a BottleError: what the controller said, or
 * `controller_unreachable` for what the socket did. Nothing is retried here, and nothing is read without a ceiling.
 */
import type { IncomingMessage } from 'node:http'
import { BottleError, type BottleErrorCode, messageOf } from '../core/errors.ts'

export interface CallOptions {
  readonly method?: 'GET' | 'POST'
  readonly body?: unknown
  readonly timeoutMs?: number
}

export interface Transport {
  /** The JSON of the answer; its shape is the contract's (`api.ts`), which both sides are built from. */
  call(path: string, options?: CallOptions): Promise<unknown>
  /** Resolves when the controller has accepted the stream, which ends with the answer or quietly when `signal` aborts. */
  stream(path: string, signal: AbortSignal): Promise<AsyncIterable<unknown>>
}

// An import of node:http reads all that it exports, and with WebSocket loads undici: 30 ms of every command.
const { request: httpRequest } = process.getBuiltinModule('node:http')

const callTimeoutMs = 15_000
const maxResponseBytes = 64 * 1024 * 1024
const maxLineBytes = 1024 * 1024

/** `patienceMs`: for the answer to a call that asks for no other. */
export function createTransport(socketPath: string, patienceMs = callTimeoutMs): Transport {
  return {
    async call(path, { method = 'GET', body, timeoutMs = patienceMs } = {}) {
      const signal = AbortSignal.timeout(timeoutMs)
      try {
        const response = await send({ socketPath, method, path, body, signal })
        return parseJson(await readAll(response))
      } catch (error) {
        throw inBottleTerms(error, signal.aborted ? timeoutMs : undefined)
      }
    },
    async stream(path, signal) {
      const opening = new AbortController()
      const timer = setTimeout(() => opening.abort(), callTimeoutMs)
      try {
        const either = AbortSignal.any([signal, opening.signal])
        return lines(await send({ socketPath, method: 'GET', path, body: undefined, signal: either }), signal)
      } catch (error) {
        throw inBottleTerms(error, opening.signal.aborted ? callTimeoutMs : undefined)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

interface Sending {
  readonly socketPath: string
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly signal: AbortSignal
}

/** The response once its head says success; otherwise the error that its body tells. */
async function send({ socketPath, method, path, body, signal }: Sending): Promise<IncomingMessage> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const headers = {
    host: 'bot-bottle',
    ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }),
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({ socketPath, method, path, headers, signal, agent: false }, resolve)
    request.on('error', reject)
    request.end(bytes)
  })
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) return response
  throw toldError(status, parseJson(await readAll(response)))
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxResponseBytes)
      throw new BottleError('internal', `the controller's answer is over ${maxResponseBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** One JSON value a line. Leaving the loop, an abort and an error all close the connection. */
async function* lines(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<unknown> {
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
        const line = rest.toString('utf8', 0, end)
        rest = rest.subarray(end + 1)
        if (line !== '') yield parseJson(line)
      }
      if (rest.length > maxLineBytes) throw new BottleError('internal', `an event is longer than ${maxLineBytes} bytes`)
    }
  } catch (error) {
    if (!signal.aborted) throw inBottleTerms(error)
  }
}

const newline = 0x0a

function parseJson(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BottleError('internal', 'the controller answered with something that is not JSON', { cause: error })
  }
}

function toldError(status: number, body: unknown): BottleError {
  return (
    errorFromBody(body) ??
    new BottleError('internal', `the controller answered with HTTP status ${status}`, {
      hint: 'It may be of another version; restart it with: bot-bottle controller stop',
    })
  )
}

/** The BottleError in `{ "error": { code, message, hint } }`; `undefined` for anything else. */
export function errorFromBody(body: unknown): BottleError | undefined {
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined
  const { error } = body
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined
  const code = 'code' in error && isErrorCode(error.code) ? error.code : 'internal'
  const hint = 'hint' in error && typeof error.hint === 'string' ? { hint: error.hint } : {}
  return new BottleError(code, String(error.message), hint)
}

const errorCodes: Readonly<Record<BottleErrorCode, true>> = {
  usage: true,
  not_found: true,
  refused: true,
  conflict: true,
  settings_invalid: true,
  manifest_invalid: true,
  credential_missing: true,
  sandbox_unavailable: true,
  sandbox_failed: true,
  controller_unreachable: true,
  controller_running: true,
  ledger_unusable: true,
  upstream_failed: true,
  internal: true,
}

function isErrorCode(code: unknown): code is BottleErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code)
}

function inBottleTerms(error: unknown, timedOutMs?: number): unknown {
  if (timedOutMs !== undefined) return unreachable(`the controller did not answer within ${timedOutMs / 1000} s`, error)
  if (error instanceof BottleError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return unreachable('no controller is running', error)
  if (code === 'EACCES' || code === 'EPERM') return unreachable('the controller belongs to another user', error)
  return unreachable(`the connection to the controller broke: ${messageOf(error)}`, error)
}

function unreachable(message: string, cause: unknown): BottleError {
  return new BottleError('controller_unreachable', message, { cause })
}

/** Nobody listens: there is no socket, or a controller that died left it behind. */
export function isNobodyThere(error: unknown): boolean {
  const cause = error instanceof BottleError ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED')
}
