/**
 * Holds a bottle while its program runs in this terminal. The bottle lives as long as the session: the controller ends
 * what has no session, so a failure here leaves nothing running. A program whose controller is gone is ended too.
 */
import type { BottleView, ControllerEvent, StartedBottle } from '../controller/api.ts'
import type { ControllerClient } from '../controller/client.ts'
import { BottleError, messageOf } from '../core/errors.ts'
import type { CliContext } from './context.ts'
import { createNoticeBoard, type NoticeBoard } from './notice-board.ts'
import { isRung, noticeOf } from './notices.ts'
import { type HeldSignals, isTerminalRaw, keepTerminal, type Program, startProgram } from './program.ts'

export interface Holding {
  readonly client: ControllerClient
  readonly started: StartedBottle
  readonly signals: HeldSignals
}

/** Resolves to the program's exit code, or to that of the signal that ended us. */
export async function holdBottle(context: CliContext, { client, started, signals }: Holding): Promise<number> {
  const report = reporter(context, client, started.bottle.id)
  const session = new AbortController()
  try {
    const events = await client.session(started.bottle.id, session.signal)
    if (signals.ending.aborted) return await report(exitCodeOf(signals))
    using board = createNoticeBoard({ tell: context.tell, isScreenTaken: isTerminalRaw })
    using _terminal = keepTerminal()
    const program = await startProgram(started)
    signals.leaveInterruptsToProgram()
    signals.ending.addEventListener('abort', program.end)
    if (signals.ending.aborted) program.end()
    let isLost = false
    const onLost = (): void => {
      isLost = true
      program.end()
    }
    const ring = (event: ControllerEvent) => {
      if (isRung(event, started.bell)) context.ring()
    }
    const watched = watch(board, { events, program, session: session.signal, ring, onLost })
    const exitCode = await program.ended
    if (isLost) return 1
    const reported = await report(signals.ending.aborted ? exitCodeOf(signals) : exitCode)
    session.abort()
    await watched
    return reported
  } catch (error) {
    await report(1)
    throw error
  } finally {
    session.abort()
  }
}

function exitCodeOf({ ending }: HeldSignals): number {
  return Number(ending.reason)
}

interface Watching {
  readonly events: AsyncIterable<ControllerEvent>
  readonly program: Program
  readonly session: AbortSignal
  readonly ring: (event: ControllerEvent) => void
  /** The controller is gone, and nobody here asked it to be. */
  readonly onLost: () => void
}

/** Tells what happens to the bottle, until its session ends. */
async function watch(board: NoticeBoard, { events, program, session, ring, onLost }: Watching): Promise<void> {
  let why = 'it ended'
  try {
    for await (const event of events) {
      const notice = noticeOf(event)
      if (notice !== undefined) {
        board.tell(notice)
        ring(event)
      }
      if (event.kind === 'bottle' && isOver(event.bottle)) {
        // What the backend could not reach (a plain process) is ended from here.
        program.end()
        return
      }
    }
  } catch (error) {
    why = messageOf(error)
  }
  if (session.aborted) return
  board.tell(`the controller is gone (${why}), so the bottle has no way out any more: its program is ended`)
  onLost()
}

function isOver({ state }: BottleView): boolean {
  return state === 'exited' || state === 'killed' || state === 'failed'
}

/** The exit code again, once told. A bottle that was killed is over already; other failures are told, not thrown. */
function reporter(context: CliContext, client: ControllerClient, id: string): (exitCode: number) => Promise<number> {
  return async (exitCode) => {
    try {
      await client.exit(id, { exitCode })
    } catch (error) {
      const isKnown = error instanceof BottleError && (error.code === 'conflict' || error.code === 'not_found')
      if (!isKnown) context.tell(`the exit of ${id} could not be reported: ${messageOf(error)}`)
    }
    return exitCode
  }
}
