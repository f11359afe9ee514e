/** One request being served, and the small things that both providers' handlers do with it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, zstdDecompress } from 'node:zlib'
import type { Usage } from '../../core/metering/usage.ts'
import { MalformedRequest } from './conversation.ts'
import { type Failure, failing, SimulatedFailure } from './failure.ts'
import type { Piece } from './generate.ts'
import type { LogEntry } from './request-log.ts'
import { type StreamEvent, sendEvents } from './stream-event.ts'

export interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly entry: LogEntry
  readonly failure: Failure | undefined
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal
}

/** Anthropic's own limit for a Messages request. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024

const decoders = { gzip: promisify(gunzip), br: promisify(brotliDecompress), zstd: promisify(zstdDecompress) }

/** Reads the whole body as JSON. Throws `MalformedRequest`. */
export async function readJson({ request, entry }: Call): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) {
    entry.bodyBytes += chunk.length
    if (entry.bodyBytes > MAX_BODY_BYTES) throw new MalformedRequest('The request is larger than 32 MiB.')
    chunks.push(chunk)
  }
  const encoding = request.headers['content-encoding']
  const decode = Object.entries(decoders).find(([name]) => name === encoding)?.[1]
  try {
    const body = Buffer.concat(chunks)
    const text = ((await decode?.(body, { maxOutputLength: MAX_BODY_BYTES })) ?? body).toString()
    if (entry.body !== undefined) entry.body = text
    return JSON.parse(text)
  } catch (cause) {
    throw new MalformedRequest('The request body is not valid JSON.', { cause })
  }
}

export function sendJson({ response, entry }: Call, status: number, body: unknown): void {
  entry.status = status
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

export interface GeneratedAnswer {
  readonly pieces: AsyncIterable<Piece>
  /** Input that is billed as soon as the model starts. */
  readonly inputUsage: Usage
}

export interface StreamEnds {
  readonly inputUsage: Usage
  readonly errorEvent: () => StreamEvent
}

/** Streams the events of an answer; what was sent is counted while it goes. */
export async function sendStream(call: Call, events: AsyncIterable<StreamEvent>, ends: StreamEnds): Promise<void> {
  const { response, entry, signal } = call
  const served = beginServing(call, events, ends)
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
  response.flushHeaders()
  await sendEvents(response, served, { onSent: (event) => countSent(entry, event) }, signal)
}

/** The events as this call is to see them, its input billed. */
export function beginServing(
  { entry, failure }: Pick<Call, 'entry' | 'failure'>,
  events: AsyncIterable<StreamEvent>,
  { inputUsage, errorEvent }: StreamEnds,
): AsyncIterable<StreamEvent> {
  entry.status = 200
  entry.billed = { ...inputUsage, outputTokens: 0 }
  return failure === undefined || failure.kind === 'http' ? events : failing(events, failure, errorEvent)
}

export function countSent(entry: LogEntry, { outputTokens = 0, reports }: StreamEvent): void {
  bill(entry, outputTokens)
  entry.reported = { ...entry.reported, ...reports }
}

/** Takes as long as the stream would, then sends one body. */
export async function sendWhole(
  call: Call,
  body: unknown,
  { pieces, inputUsage, reported }: GeneratedAnswer & { readonly reported: Usage },
): Promise<void> {
  const { entry, failure } = call
  entry.billed = { ...inputUsage, outputTokens: 0 }
  for await (const { tokens } of pieces) {
    bill(entry, tokens)
    if (failure === undefined || failure.kind === 'http' || sentTokens(entry) < failure.afterTokens) continue
    throw new SimulatedFailure('reset')
  }
  entry.reported = reported
  sendJson(call, 200, body)
}

function bill(entry: LogEntry, outputTokens: number): void {
  entry.billed = { ...entry.billed, outputTokens: sentTokens(entry) + outputTokens }
}

function sentTokens({ billed }: LogEntry): number {
  return billed.outputTokens ?? 0
}
