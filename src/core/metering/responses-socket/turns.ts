/**
 * The course of one WebSocket: which request is sent when, and what an event means. One request is open at a time, as the
 * provider serves them; those that come meanwhile wait in their order.
 *
 * **Invariant** (I3, I5) A request is sent only after its reservation, and a response that nobody reserved for ends the socket.
 */
import type { ServerEvent } from './server-event.ts'

export interface Turns<Request> {
  /**
   * - `idle`: nothing is open
   * - `reserving`: the ledger is asked for `current`
   * - `running`: `current` is with the provider
   * - `settling`: its terminal event came, the ledger is being told
   */
  readonly phase: 'idle' | 'reserving' | 'running' | 'settling'
  readonly current: Request | undefined
  /** The response to `current` was announced. */
  readonly hasBegun: boolean
  readonly waiting: readonly Request[]
}

export type TurnInput<Request> =
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'reserved' }
  | { readonly kind: 'denied' }
  | { readonly kind: 'event'; readonly event: Pick<ServerEvent, 'type' | 'isTerminal'> }
  | { readonly kind: 'settled' }

export type TurnAction<Request> =
  | { readonly kind: 'reserve'; readonly request: Request }
  | { readonly kind: 'send'; readonly request: Request }
  /** Too much waits already. */
  | { readonly kind: 'refuse'; readonly request: Request }
  /** The event goes to the client. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'settle' }
  /** The provider answers what nobody asked for here: nothing passes any more. */
  | { readonly kind: 'end' }

export interface Step<Request> {
  readonly turns: Turns<Request>
  readonly actions: readonly TurnAction<Request>[]
}

/** Beside the one that is open. */
export const maxWaitingRequests = 8

export const noTurns: Turns<never> = { phase: 'idle', current: undefined, hasBegun: false, waiting: [] }

export function step<Request>(turns: Turns<Request>, input: TurnInput<Request>): Step<Request> {
  switch (input.kind) {
    case 'request':
      return turns.waiting.length >= maxWaitingRequests
        ? { turns, actions: [{ kind: 'refuse', request: input.request }] }
        : goOn({ ...turns, waiting: [...turns.waiting, input.request] })
    case 'reserved':
      return turns.current === undefined
        ? { turns, actions: [] }
        : {
            turns: { ...turns, phase: 'running', hasBegun: false },
            actions: [{ kind: 'send', request: turns.current }],
          }
    case 'denied':
    case 'settled':
      return goOn({ ...turns, phase: 'idle', current: undefined })
    case 'event':
      return onEvent(turns, input.event)
  }
}

function goOn<Request>(turns: Turns<Request>): Step<Request> {
  const [next, ...waiting] = turns.waiting
  if (turns.phase !== 'idle' || next === undefined) return { turns, actions: [] }
  return {
    turns: { ...turns, phase: 'reserving', current: next, waiting },
    actions: [{ kind: 'reserve', request: next }],
  }
}

function onEvent<Request>(
  turns: Turns<Request>,
  { type = '', isTerminal }: Pick<ServerEvent, 'type' | 'isTerminal'>,
): Step<Request> {
  const isRunning = turns.phase === 'running'
  const begins = type === 'response.created'
  const isUnasked = begins ? !isRunning || turns.hasBegun : !isRunning && type.endsWith('.delta')
  if (isUnasked) return { turns, actions: [{ kind: 'end' }] }
  if (isRunning && isTerminal) {
    return { turns: { ...turns, phase: 'settling' }, actions: [{ kind: 'pass' }, { kind: 'settle' }] }
  }
  return { turns: begins ? { ...turns, hasBegun: true } : turns, actions: [{ kind: 'pass' }] }
}
