/** Hears the controller for as long as the dashboard lives: connects, reads its events, and when it is lost tries again. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ControllerEvent } from '../controller/api.ts'
import { type ControllerClient, connectController } from '../controller/client.ts'
import { messageOf } from '../core/errors.ts'
import type { Message } from './model/state.ts'

export interface FollowOptions {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  tell(message: Message): void
  /** The client of the controller that is heard; undefined when it is lost. */
  use(client: ControllerClient | undefined): void
}

/** How often events come together; the eye wants no more. */
const paceMs = 250
const firstRetryMs = 250
const maxRetryMs = 4_000

export async function follow({ home, env, signal, tell, use }: FollowOptions): Promise<void> {
  let retryMs = firstRetryMs
  while (!signal.aborted) {
    try {
      const client = await connectController({ home, start: false, env })
      const events = await client.watch(paceMs, signal)
      use(client)
      tell({ kind: 'connected' })
      retryMs = firstRetryMs
      await tellInBatches(events, tell)
      use(undefined)
      tell({ kind: 'lost', why: 'it has ended' })
    } catch (error) {
      use(undefined)
      tell({ kind: 'lost', why: messageOf(error) })
    }
    await delay(retryMs, undefined, { signal }).catch(() => undefined)
    retryMs = Math.min(maxRetryMs, retryMs * 2)
  }
}

/** Events that came in one piece are told in one piece: one new state, one new screen. */
async function tellInBatches(events: AsyncIterable<ControllerEvent>, tell: FollowOptions['tell']): Promise<void> {
  let waiting: ControllerEvent[] = []
  const flush = () => {
    const batch = waiting
    waiting = []
    tell({ kind: 'events', events: batch })
  }
  for await (const event of events) {
    waiting.push(event)
    if (waiting.length === 1) setImmediate(flush)
  }
}
