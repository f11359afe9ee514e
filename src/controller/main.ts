/** The controller as a process: one per home, until it is told to stop. */
import { chmod, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { BottleError, messageOf } from '../core/errors.ts'
import type { LogLevel } from '../core/log-level.ts'
import { builtInProviders } from '../core/provider/providers.ts'
import { endOnCrash } from '../host/crash.ts'
import { createLineLog } from '../host/line-log.ts'
import { createLog, type Log, type LogLine, lineForEyes } from '../host/log.ts'
import { prepareHome } from '../host/paths.ts'
import { createKnownSecrets } from '../host/secrets/known-secrets.ts'
import { readSettings } from '../host/settings.ts'
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
  /** As settings say, unless it is given. */
  readonly logLevel?: LogLevel
  /** Of a foreground: for eyes at a terminal, else JSON, unless it is given. */
  readonly logFormat?: 'human' | 'json'
}

/** For what is under way still when the ledger is closed: nothing of it can be recorded any more. */
const lingerMs = 2_000

/** Resolves with the exit code once the controller has ended. */
export async function runController(options: RunOptions): Promise<number> {
  try {
    await serve(options)
    return 0
  } catch (error) {
    if (options.foreground) throw error
    process.stdout.write(`${JSON.stringify(errorBody(error))}\n`)
    return 1
  } finally {
    // Not where nothing keeps the process.
    setTimeout(() => process.exit(), lingerMs).unref()
  }
}

async function serve({ home, foreground, logLevel, logFormat }: RunOptions): Promise<void> {
  process.umask(0o077)
  const stopped = stopSignal()
  const paths = await prepareHome(home)
  using _lock = lockInstance(paths.runPath)
  const startedAtMs = Date.now()
  const level = logLevel ?? (await readSettings({ home, providers: builtInProviders.map(({ name }) => name) })).logLevel
  await using lines = foreground ? onStdout(logFormat) : inFile(paths.logPath)
  const secrets = createKnownSecrets()
  endOnCrash(secrets.clean)
  const log = createLog({ level, nowMs: Date.now, write: lines.write, clean: secrets.clean })
  // What was foreseen, such as a bottle that ended before it could be frozen, has a sentence of its own.
  const onBug = (error: unknown) => {
    if (error instanceof BottleError) log.warn(error.message)
    else log.error(`bug: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`)
  }
  await using controller = await openController({
    paths,
    backends: { bubblewrap: createBubblewrap(), none: createNone() },
    nowMs: Date.now,
    onBug,
    log,
    secrets,
  })
  tellRecovered(controller, log)
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
  log.info(`bot-bottle controller ${packageVersion()} is ready (pid ${process.pid}, home ${home})`)
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

function tellRecovered({ recovered }: Controller, log: Log): void {
  const { chargedExchanges, chargedTokens, adopted, sweptBottles } = recovered
  if (adopted.length > 0)
    log.info(`took up bottles of an earlier controller: ${adopted.map(({ id }) => id).join(', ')}`)
  if (sweptBottles.length > 0) log.warn(`ended bottles of an earlier controller: ${sweptBottles.join(', ')}`)
  if (chargedExchanges > 0) {
    log.warn(`charged ${chargedTokens} tokens for ${chargedExchanges} exchanges that nobody saw end`)
  }
}

interface Lines extends AsyncDisposable {
  write(line: LogLine): void
}

function onStdout(format: RunOptions['logFormat'] = process.stdout.isTTY ? 'human' : 'json'): Lines {
  const text = format === 'human' ? lineForEyes : JSON.stringify
  return {
    write: (line) => void process.stdout.write(`${text(line)}\n`),
    [Symbol.asyncDispose]: async () => {},
  }
}

const maxLogBytes = 8 * 1024 * 1024
const maxWaitingCharacters = 1024 * 1024

function inFile(path: string): Lines {
  return createLineLog({
    path,
    maxFileBytes: maxLogBytes,
    maxWaitingCharacters,
    // Its starter gave it a descriptor of its own for what comes when all else fails.
    onFailure: (error) => void process.stderr.write(`the log cannot be written: ${messageOf(error)}\n`),
  })
}
