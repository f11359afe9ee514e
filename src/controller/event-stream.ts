/** Events as JSON lines for as long as the client stays. A session that ends is the end of its bottle. */
import type { ServerResponse } from 'node:http'
import type { Controller } from './controller.ts'
import { bottleIdOf } from './event-bus.ts'

/** A client that does not read is dropped rather than fed from memory. */
const maxUnreadBytes = 4 * 1024 * 1024

export interface EventStreamOptions {
  readonly response: ServerResponse
  readonly controller: Controller
  /** The bottle whose session this is; '' for the events of all. */
  readonly id: string
  onBug(error: unknown): void
}

export async function streamEvents({ response, controller, id, onBug }: EventStreamOptions): Promise<void> {
  if (id !== '') controller.hold(id)
  const subscription = controller.bus.subscribe((event) => {
    if (id !== '' && bottleIdOf(event) !== id) return
    response.write(`${JSON.stringify(event)}\n`)
    if (response.writableLength > maxUnreadBytes) response.destroy()
  })
  response.once('close', () => {
    subscription[Symbol.dispose]()
    if (id !== '') controller.exited(id, null).catch(onBug)
  })
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
}
