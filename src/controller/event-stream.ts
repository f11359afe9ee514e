/** Events as JSON lines for as long as the client stays. A session that ends is the end of its bottle. */
import type { ServerResponse } from 'node:http'
import type { ControllerEvent } from './api.ts'
import type { Controller } from './controller.ts'
import { createEventBatches } from './event-batches.ts'
import { bottleIdOf } from './event-bus.ts'

/** A client that does not read is dropped rather than fed from memory. */
const maxUnreadBytes = 4 * 1024 * 1024

export interface EventStreamOptions {
  readonly response: ServerResponse
  readonly controller: Controller
  /** The bottle whose session this is; '' for the events of all. */
  readonly id: string
  /** 0: each event as it comes. */
  readonly paceMs: number
  /** Begins with what was before. */
  readonly withActivity: boolean
  onBug(error: unknown): void
}

export async function streamEvents(options: EventStreamOptions): Promise<void> {
  const { response, controller, id, paceMs, withActivity, onBug } = options
  const letGo = id === '' ? undefined : controller.hold(id)
  const send = (events: readonly ControllerEvent[]) => {
    response.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    if (response.writableLength > maxUnreadBytes) response.destroy()
  }
  const batches = paceMs > 0 ? createEventBatches({ paceMs, send }) : undefined
  const give = (event: ControllerEvent) => (batches ? batches.push(event) : send([event]))
  const subscription = controller.bus.subscribe((event) => {
    if (id === '' || bottleIdOf(event) === id) give(event)
  })
  response.once('close', () => {
    subscription[Symbol.dispose]()
    batches?.[Symbol.dispose]()
    letGo?.().catch(onBug)
  })
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  // In the same turn as the subscription: nothing is told twice, nothing is left out.
  if (withActivity) send([controller.activity.snapshot()])
}
