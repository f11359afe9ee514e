/**
 * Holds a bottle while its program runs in this terminal. The bottle lives as long as the session (`session.ts`): the controller
 * ends what has no session, so a failure here leaves nothing running. A program whose bottle is lost is ended too.
 */
import type { ControllerEvent, StartedBottle } from '../controller/api.ts'
import type { ControllerClient } from '../controller/client.ts'
import type { CliContext } from './context.ts'
import { createNoticeBoard } from './notice-board.ts'
import { isRung, noticeOf } from './notices.ts'
import { type HeldSignals, isTerminalRaw, keepTerminal, startProgram } from './program.ts'
import { openSession, type Session } from './session.ts'

export interface Holding {
  readonly client: ControllerClient
  readonly started: StartedBottle
  readonly signals: HeldSignals
  /** What the controller was given of the user's environment. */
  readonly hostEnvironment: Readonly<Record<string, string>>
}

/** Resolves to the program's exit code, or to that of the signal that ended us. */
export async function holdBottle(context: CliContext, holding: Holding): Promise<number> {
  const { client, started, signals, hostEnvironment } = holding
  using board = createNoticeBoard({ tell: context.tell, isScreenTaken: isTerminalRaw })
  const onEvent = (event: ControllerEvent) => {
    const notice = noticeOf(event)
    if (notice === undefined) return
    board.tell(notice)
    if (isRung(event, started.bell)) context.ring()
  }
  const inTerminal = { ...context, tell: board.tell }
  const opened = openSession({ context: inTerminal, client, started, hostEnvironment, onEvent })
  const session = await opened.catch(async (error: unknown) => {
    await client.exit(started.bottle.id, { exitCode: 1 }).catch(() => undefined)
    throw error
  })
  try {
    if (signals.ending.aborted) return await report(session, Number(signals.ending.reason))
    using _terminal = keepTerminal()
    const program = await startProgram(started)
    signals.leaveInterruptsToProgram()
    signals.ending.addEventListener('abort', program.end)
    if (signals.ending.aborted) program.end()
    let isLost = false
    void session.ended.then((end) => {
      if (end.kind === 'closed') return
      if (end.kind === 'lost') {
        isLost = true
        board.tell(`the controller is gone (${end.why}), so the bottle has no way out any more: its program is ended`)
      }
      // What the backend could not reach (a plain process) is ended from here.
      program.end()
    })
    const exitCode = await program.ended
    if (isLost) return 1
    return await report(session, signals.ending.aborted ? Number(signals.ending.reason) : exitCode)
  } catch (error) {
    await session.report(1)
    throw error
  } finally {
    session.close()
    await session.ended
  }
}

async function report(session: Session, exitCode: number): Promise<number> {
  await session.report(exitCode)
  return exitCode
}
