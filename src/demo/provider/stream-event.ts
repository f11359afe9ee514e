/** Server-sent events with back-pressure. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Usage } from '../../core/metering/usage.ts'

export interface StreamEvent {
  readonly name: string
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
  for await (const event of events) {
    signal.throwIfAborted()
    const hasRoom = response.write(`event: ${event.name}\ndata: ${JSON.stringify(event.payload)}\n\n`)
    onSent(event)
    if (!hasRoom) await once(response, 'drain', { signal })
  }
  response.end()
}
