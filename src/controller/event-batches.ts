/** Events for a client that wants them seldom: those of a while together, and of the progress of one exchange only the last. */
import type { ControllerEvent } from './api.ts'

export interface EventBatches extends Disposable {
  push(event: ControllerEvent): void
}

export interface EventBatchesOptions {
  readonly paceMs: number
  /** Never given an empty list. */
  send(events: readonly ControllerEvent[]): void
}

/** More than that are sent before their time. */
const maxWaitingEvents = 2_000

export function createEventBatches({ paceMs, send }: EventBatchesOptions): EventBatches {
  /** Progress by its exchange, everything else by itself. */
  let waiting = new Map<string | ControllerEvent, ControllerEvent>()
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const events = [...waiting.values()]
    waiting = new Map()
    if (events.length > 0) send(events)
  }
  return {
    push(event) {
      waiting.set(event.kind === 'exchange_progress' ? event.attemptId : event, event)
      if (waiting.size >= maxWaitingEvents) flush()
      else timer ??= setTimeout(flush, paceMs)
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
    },
  }
}
