/** The API of `api.ts` over the unix socket. Who can connect is who may enter the 0700 directory: the user. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { BottleError, type BottleErrorCode, messageOf } from '../core/errors.ts'
import type { ErrorBody } from './api.ts'
import type { Controller } from './controller.ts'
import { findEndpoint, type StopController } from './endpoints.ts'
import { streamEvents } from './event-stream.ts'
import { eventsQuery, parse } from './request-shapes.ts'

const maxBodyBytes = 1024 * 1024

const statuses: Readonly<Record<BottleErrorCode, number>> = {
  usage: 400,
  settings_invalid: 400,
  manifest_invalid: 400,
  credential_missing: 400,
  not_found: 404,
  refused: 403,
  conflict: 409,
  controller_running: 409,
  sandbox_unavailable: 501,
  sandbox_failed: 500,
  controller_unreachable: 503,
  ledger_unusable: 503,
  upstream_failed: 502,
  internal: 500,
}

export interface ServerOptions {
  readonly controller: Controller
  readonly stop: StopController
  readonly status: () => object
  onBug(error: unknown): void
}

export function createApiServer(options: ServerOptions): Server {
  return createServer({ requestTimeout: 0 }, (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      if (!(error instanceof BottleError)) options.onBug(error)
      giveJson(response, error instanceof BottleError ? statuses[error.code] : 500, errorBody(error))
    })
  })
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ServerOptions): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://bot-bottle')
  const found = findEndpoint(request.method ?? '', url.pathname)
  if (!found) throw new BottleError('not_found', `the controller has no ${request.method} ${url.pathname}`)
  const { endpoint, id } = found
  const query = Object.fromEntries(url.searchParams)
  if (endpoint.kind === 'stream') {
    const { pace, activity } = parse(eventsQuery, query)
    const { controller, onBug } = options
    return streamEvents({ response, controller, id, paceMs: pace, withActivity: activity === '1', onBug })
  }
  const body = request.method === 'POST' ? await readJson(request) : undefined
  giveJson(response, 200, await endpoint.run({ ...options, id, body, query }))
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBodyBytes) throw new BottleError('usage', `the request is longer than ${maxBodyBytes} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}')
  } catch (cause) {
    throw new BottleError('usage', 'the request is not JSON', { cause })
  }
}

function giveJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const bytes = Buffer.from(JSON.stringify(body ?? {}))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
  response.end(bytes)
}

export function errorBody(error: unknown): ErrorBody {
  if (!(error instanceof BottleError)) {
    return { error: { code: 'internal', message: `the controller failed: ${messageOf(error)}` } }
  }
  const { code, message, hint } = error
  return { error: { code, message, ...(hint !== undefined && { hint }) } }
}
