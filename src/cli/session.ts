/**
 * The session that keeps a bottle alive. A controller that is gone is not the end of it: the next one, which is started here where
 * nobody else does, has taken the bottle up, and is given again what it needs of the user's environment.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { BottleView, ControllerEvent, StartedBottle } from '../controller/api.ts'
import { type ControllerClient, connectController } from '../controller/client.ts'
import { BottleError, messageOf } from '../core/errors.ts'
import type { CliContext } from './context.ts'

/** As long as the next controller keeps a bottle that nobody holds. */
const reconnectTimeoutMs = 30_000
const retryMs = 100

export interface SessionOptions {
  readonly context: Pick<CliContext, 'home' | 'env' | 'tell'>
  readonly client: ControllerClient
  readonly started: StartedBottle
  /** What the plan wants of the user's environment. */
  readonly hostEnvironment: Readonly<Record<string, string>>
  onEvent(event: ControllerEvent): void
}

/** `over`: the bottle has ended. `lost`: no controller holds it any more. `closed`: by us. */
export type SessionEnd =
  | { readonly kind: 'over' }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'closed' }

export interface Session {
  readonly ended: Promise<SessionEnd>
  /** Tells whichever controller has the bottle how its program ended. Never rejects: a failure is told. */
  report(exitCode: number): Promise<void>
  close(): void
}

/** Throws BottleError when the first session cannot be opened. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { context, client, started, onEvent } = options
  const { id, contained } = started.bottle
  const closing = new AbortController()
  const first = await client.session(id, closing.signal)

  /** Resolves when the next session is open, or at the end. */
  let change = Promise.withResolvers<void>()
  const follow = async (): Promise<SessionEnd> => {
    for (let events = first; ; ) {
      const stream = await followStream(events, onEvent)
      if (stream.kind === 'over') return stream
      if (closing.signal.aborted) return { kind: 'closed' }
      // What is not contained was not taken up.
      if (!contained) return { kind: 'lost', why: stream.why }
      const next = await reconnect(options, closing.signal)
      if (next.kind === 'lost') return closing.signal.aborted ? { kind: 'closed' } : { kind: 'lost', why: next.why }
      events = next.events
      change.resolve()
      change = Promise.withResolvers()
      context.tell(`the controller was gone (${stream.why}); the next one has taken the bottle up`)
    }
  }
  const ended = follow().finally(() => change.resolve())
  let end: SessionEnd | undefined
  void ended.then((how) => {
    end = how
  })
  const isOver = () => end?.kind === 'over'

  return {
    ended,
    async report(exitCode) {
      for (;;) {
        // Nobody waits for it; and a bottle that was frozen may go on by now, under its id but with another program.
        if (isOver()) return
        const changed = change.promise
        try {
          return await client.exit(id, { exitCode })
        } catch (error) {
          const code = error instanceof BottleError ? error.code : undefined
          // Killed meanwhile, or ended together with its controller.
          if (code === 'conflict' || code === 'not_found') return
          if (code === 'controller_unreachable' && end === undefined) {
            await changed
            if (end === undefined) continue
          }
          if (!isOver()) context.tell(`the exit of ${id} could not be reported: ${messageOf(error)}`)
          return
        }
      }
    },
    close: () => closing.abort(),
  }
}

async function followStream(
  events: AsyncIterable<ControllerEvent>,
  onEvent: (event: ControllerEvent) => void,
): Promise<{ readonly kind: 'over' } | { readonly kind: 'broken'; readonly why: string }> {
  try {
    for await (const event of events) {
      onEvent(event)
      if (event.kind === 'bottle' && hasEnded(event.bottle)) return { kind: 'over' }
    }
    return { kind: 'broken', why: 'it ended' }
  } catch (error) {
    return { kind: 'broken', why: messageOf(error) }
  }
}

type Reconnection =
  | { readonly kind: 'connected'; readonly events: AsyncIterable<ControllerEvent> }
  | { readonly kind: 'lost'; readonly why: string }

async function reconnect(
  { context, started, hostEnvironment }: SessionOptions,
  signal: AbortSignal,
): Promise<Reconnection> {
  const { home, env } = context
  const { id } = started.bottle
  for (const deadline = performance.now() + reconnectTimeoutMs; ; ) {
    try {
      const client = await connectController({ home, start: true, env })
      const events = await client.session(id, signal)
      await client.renewEnvironment(id, { hostEnvironment })
      return { kind: 'connected', events }
    } catch (error) {
      const code = error instanceof BottleError ? error.code : undefined
      const isFinal = code === 'conflict' || code === 'not_found' || signal.aborted
      if (isFinal || performance.now() > deadline) return { kind: 'lost', why: messageOf(error) }
      await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

function hasEnded({ state }: BottleView): boolean {
  return state === 'exited' || state === 'killed' || state === 'failed' || state === 'frozen'
}
