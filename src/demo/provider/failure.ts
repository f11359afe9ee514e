/** The ways in which the simulated provider can fail on purpose. */
import type { StreamEvent } from './stream-event.ts'

export type Failure =
  /** Answers with this status and an error body in its provider's shape. */
  | { readonly kind: 'http'; readonly status: number }
  /** Drops the connection once so many tokens of output were sent. */
  | { readonly kind: 'reset'; readonly afterTokens: number }
  /** Ends the stream neatly, but without its last events. */
  | { readonly kind: 'end'; readonly afterTokens: number }
  /** Ends the stream with the provider's error event. */
  | { readonly kind: 'error-event'; readonly afterTokens: number }

export type StreamFailure = Exclude<Failure, { kind: 'http' }>

export class SimulatedFailure extends Error {
  readonly kind: StreamFailure['kind']

  constructor(kind: StreamFailure['kind']) {
    super(`simulated failure: ${kind}`)
    this.name = 'SimulatedFailure'
    this.kind = kind
  }
}

/** Passes events on until the failure is due, then throws `SimulatedFailure`. */
export async function* failing(
  events: AsyncIterable<StreamEvent>,
  failure: StreamFailure,
  errorEvent: () => StreamEvent,
): AsyncGenerator<StreamEvent> {
  let sentTokens = 0
  for await (const event of events) {
    yield event
    sentTokens += event.outputTokens ?? 0
    if (sentTokens < failure.afterTokens || event.isHead === true) continue
    if (failure.kind === 'error-event') yield errorEvent()
    throw new SimulatedFailure(failure.kind)
  }
}

const streamFailureKinds = ['reset', 'end', 'error-event'] as const

/** Reads `http:STATUS` or `reset:TOKENS`, `end:TOKENS`, `error-event:TOKENS`. */
export function parseFailure(text: string): Failure | undefined {
  const [name, digits = ''] = text.split(':')
  const number = /^\d{1,9}$/.test(digits) ? Number(digits) : undefined
  if (number === undefined) return undefined
  if (name === 'http') return number >= 400 && number <= 599 ? { kind: 'http', status: number } : undefined
  const kind = streamFailureKinds.find((known) => known === name)
  return kind === undefined ? undefined : { kind, afterTokens: number }
}
