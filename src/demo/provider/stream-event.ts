/** Server-sent events, or the elements of one JSON array, with back-pressure. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Usage } from '../../core/metering/usage.ts'

export interface StreamEvent {
  /** '' for an event without a name. */
  readonly name: string
  /** A text is sent as it is, anything else as JSON. */
  readonly payload: unknown
  /** Output that this event carries. */
  readonly outputTokens?: number
  /** What this event tells the client about usage. */
  readonly reports?: Usage
  /** Belongs to the opening of the stream, before any output. */
  readonly isHead?: boolean
}

export interface StreamObserver {
  onSent(event: StreamEvent): void
}

/** Sends the events and ends the response. Rejects when the signal aborts or the events fail. */
export async function sendEvents(
  response: ServerResponse,
  events: AsyncIterable<StreamEvent>,
  { onSent }: StreamObserver,
  signal: AbortSignal,
): Promise<void> {
  const frame = ({ name, payload }: StreamEvent) => {
    const data = typeof payload === 'string' ? payload : JSON.stringify(payload)
    return `${name === '' ? '' : `event: ${name}\n`}data: ${data}\n\n`
  }
  await sendFrames(response, events, { onSent, frame }, signal)
  response.end()
}

/** Sends a head and the events as the elements of one JSON array, as Gemini streams without `alt=sse`. */
export async function sendArray(
  response: ServerResponse,
  events: AsyncIterable<StreamEvent>,
  { onSent }: StreamObserver,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8' })
  let separator = '['
  const frame = ({ payload }: StreamEvent) => {
    const text = `${separator}${JSON.stringify(payload, undefined, 2)}`
    separator = '\n,\r\n'
    return text
  }
  await sendFrames(response, events, { onSent, frame }, signal)
  response.end(separator === '[' ? '[]' : '\n]')
}

interface Framing extends StreamObserver {
  frame(event: StreamEvent): string
}

async function sendFrames(
  response: ServerResponse,
  events: AsyncIterable<StreamEvent>,
  { onSent, frame }: Framing,
  signal: AbortSignal,
): Promise<void> {
  for await (const event of events) {
    signal.throwIfAborted()
    const hasRoom = response.write(frame(event))
    onSent(event)
    if (!hasRoom) await once(response, 'drain', { signal })
  }
}
