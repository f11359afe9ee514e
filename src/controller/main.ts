/** The controller as a process: one per home, until it is told to stop. */
import { chmod, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { messageOf } from '../core/errors.ts'
import { prepareHome } from '../host/paths.ts'
import { packageVersion } from '../host/version.ts'
import { createBubblewrap } from '../sandbox/bubblewrap/bubblewrap.ts'
import { createNone } from '../sandbox/none/none.ts'
import type { ControllerStatus } from './api.ts'
import { type Controller, openController } from './controller.ts'
import type { StopController } from './endpoints.ts'
import { lockInstance } from './instance.ts'
import { createApiServer, errorBody } from './server.ts'

export interface RunOptions {
  readonly home: string
  /** In front of a user: failures are thrown to be told there. Otherwise they are the last line of the log (`api.ts`). */
  readonly foreground: boolean
}

/** Resolves with the exit code once the controller has ended. */
export async function runController({ home, foreground }: RunOptions): Promise<number> {
  try {
    await serve(home)
    return 0
  } catch (error) {
    if (foreground) throw error
    process.stdout.write(`${JSON.stringify(errorBody(error))}\n`)
    return 1
  }
}

async function serve(home: string): Promise<void> {
  process.umask(0o077)
  const stopped = stopSignal()
  const paths = await prepareHome(home)
  using _lock = lockInstance(paths.runPath)
  const startedAtMs = Date.now()
  await using controller = await openController({
    paths,
    backends: { bubblewrap: createBubblewrap(), none: createNone() },
    nowMs: Date.now,
    onBug,
    onNotice: log,
  })
  tellRecovered(controller)
  const server = createApiServer({
    controller,
    stop: stopped.stop,
    onBug,
    status: (): ControllerStatus => ({
      version: packageVersion(),
      pid: process.pid,
      home,
      startedAtMs,
      livingBottles: controller.livingIds.length,
      notifications: controller.notifications,
    }),
  })
  // The lock is ours: a socket that is there belongs to nobody.
  await rm(paths.socketPath, { force: true })
  await listen(server, paths.socketPath)
  log(`bot-bottle controller ${packageVersion()} is ready (pid ${process.pid}, home ${home})`)
  const { leavesBottles } = await stopped.promise
  server.close()
  await rm(paths.socketPath, { force: true })
  if (leavesBottles) await controller.leave()
  await controller[Symbol.asyncDispose]()
  server.closeAllConnections()
}

async function listen(server: Server, socketPath: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(socketPath, resolve)
  await promise
  await chmod(socketPath, 0o600)
}

function stopSignal(): {
  readonly promise: Promise<{ readonly leavesBottles: boolean }>
  readonly stop: StopController
} {
  const { promise, resolve } = Promise.withResolvers<{ readonly leavesBottles: boolean }>()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => resolve({ leavesBottles: false }))
  }
  return { promise, stop: resolve }
}

function tellRecovered({ recovered }: Controller): void {
  const { chargedExchanges, chargedTokens, adopted, sweptBottles } = recovered
  if (adopted.length > 0) log(`took up bottles of an earlier controller: ${adopted.map(({ id }) => id).join(', ')}`)
  if (sweptBottles.length > 0) log(`ended bottles of an earlier controller: ${sweptBottles.join(', ')}`)
  if (chargedExchanges > 0) log(`charged ${chargedTokens} tokens for ${chargedExchanges} exchanges that nobody saw end`)
}

function onBug(error: unknown): void {
  log(`bug: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`)
}

function log(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`)
}
