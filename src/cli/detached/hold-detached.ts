/**
 * Holds a bottle in the background, as `hold-bottle.ts` does in a terminal: the process that runs this is the one whose end ends
 * the bottle, and that comes to the next controller when one is gone. What the user's environment had of credentials is in its
 * memory only.
 */
import type { StartedBottle } from '../../controller/api.ts'
import { connectController } from '../../controller/client.ts'
import { openOutputLog } from '../../host/output-log.ts'
import { instancePath } from '../instance-path.ts'
import { noticeOf } from '../notices.ts'
import { holdSignals } from '../program.ts'
import { openSession } from '../session.ts'
import { tellEnd } from '../tell-end.ts'
import { createAttachedTerminals } from './attached-terminals.ts'
import { type DetachedProgram, startDetachedProgram, type TerminalSize } from './detached-program.ts'
import { serveHolder } from './holder-socket.ts'
import { createRestarts, type RestartPolicy } from './restart.ts'

export interface DetachedBottle {
  readonly home: string
  readonly started: StartedBottle
  readonly hostEnvironment: Readonly<Record<string, string>>
  /** undefined: plain pipes. */
  readonly terminal: TerminalSize | undefined
  readonly restart: RestartPolicy
}

/** Resolves when the bottle has ended. `onStarted`: its program runs. Rejects when it could not be started. */
export async function holdDetached(detached: DetachedBottle, onStarted: () => void): Promise<void> {
  const { home, started, hostEnvironment, terminal, restart: policy } = detached
  const { id } = started.bottle
  const directory = instancePath(home, id)
  using log = openOutputLog(directory)
  const context = { home, env: process.env, tell: log.tell }
  const client = await connectController({ home, start: false })
  using signals = holdSignals()
  const onEvent: Parameters<typeof openSession>[0]['onEvent'] = (event) => {
    const notice = noticeOf(event)
    if (notice !== undefined) log.tell(notice)
  }
  const session = await openSession({ context, client, started, hostEnvironment, onEvent })
  try {
    let program: DetachedProgram | undefined
    const terminals = createAttachedTerminals(() => program)
    await using _socket = await serveHolder(directory, terminals.connect)
    const onOutput = (bytes: Buffer) => {
      log.write(bytes)
      terminals.show(bytes)
    }
    const over = new AbortController()
    signals.ending.addEventListener('abort', () => over.abort())
    void session.ended.then((end) => {
      if (end.kind === 'lost') log.tell(`the controller is gone (${end.why}): the program is ended`)
      over.abort()
    })
    over.signal.addEventListener('abort', () => program?.end())
    const restarts = createRestarts({ client, id, policy, over: over.signal, tell: log.tell })
    let exitCode: number
    let ranMs: number
    do {
      const startedAtMs = performance.now()
      program = await startDetachedProgram({ launch: started.launch, terminal, onOutput })
      if (over.signal.aborted) program.end()
      onStarted()
      exitCode = await program.ended
      ranMs = performance.now() - startedAtMs
    } while (await restarts.next({ exitCode, ranMs }))
    await session.report(signals.ending.aborted ? Number(signals.ending.reason) : exitCode)
    await tellEnd(context, client, id)
  } finally {
    session.close()
    await session.ended
  }
}
