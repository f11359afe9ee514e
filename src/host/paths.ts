/**
 * Where the host keeps what belongs to bot-bottle: `~/.bot-bottle`, or `BOT_BOTTLE_HOME`. Whoever can write there can
 * read credentials out of the proxy, so a home that others may write to or own is refused.
 */
import { chmod, mkdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { BottleError, messageOf } from '../core/errors.ts'

export interface HostPaths {
  readonly home: string
  readonly settingsPath: string
  readonly pricesPath: string
  readonly databasePath: string
  /** Mode 0700: the socket, the log and whatever else lives no longer than the controller. */
  readonly runPath: string
  readonly socketPath: string
  readonly logPath: string
  /** What the bottles asked of their proxies: one file per bottle. */
  readonly egressLogsPath: string
  /** One directory per bottle, named by its id. (`bottles/` is for the users' definitions.) */
  readonly instancesPath: string
}

export function homePath(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const chosen = env.BOT_BOTTLE_HOME
  return chosen ? resolve(chosen) : join(homedir(), '.bot-bottle')
}

export function hostPaths(home: string): HostPaths {
  const runPath = join(home, 'run')
  return {
    home,
    settingsPath: join(home, 'settings.yml'),
    pricesPath: join(home, 'prices.yml'),
    databasePath: join(home, 'bot-bottle.db'),
    runPath,
    socketPath: join(runPath, 'controller.sock'),
    logPath: join(runPath, 'controller.log'),
    egressLogsPath: join(home, 'logs'),
    instancesPath: join(home, 'instances'),
  }
}

/** Creates what is missing, mode 0700. Throws BottleError `refused` for a home that is not the user's alone. */
export async function prepareHome(home: string): Promise<HostPaths> {
  const paths = hostPaths(home)
  await makePrivate(home)
  await refuseSharedHome(home)
  await makePrivate(paths.runPath)
  await makePrivate(paths.egressLogsPath)
  await makePrivate(paths.instancesPath)
  return paths
}

async function makePrivate(path: string): Promise<void> {
  try {
    // What mkdir created is ours, and the umask can only have taken from 0700; the directory of the user stays as it is.
    const created = await mkdir(path, { recursive: true, mode: 0o700 })
    if (created !== undefined) await chmod(path, 0o700)
  } catch (error) {
    throw new BottleError('usage', `${path} cannot be created: ${messageOf(error)}`, {
      hint: 'Set BOT_BOTTLE_HOME to a directory that you can write to.',
      cause: error,
    })
  }
}

async function refuseSharedHome(home: string): Promise<void> {
  const found = await stat(home)
  const user = process.getuid?.()
  if (!found.isDirectory()) {
    throw new BottleError('usage', `${home} is no directory`, { hint: 'Set BOT_BOTTLE_HOME to a directory.' })
  }
  if (user !== undefined && found.uid !== user) {
    throw new BottleError('usage', `${home} belongs to user ${found.uid}, not to you (user ${user})`, {
      hint: 'Set BOT_BOTTLE_HOME to a directory of your own.',
    })
  }
  if ((found.mode & 0o022) !== 0) {
    const mode = (found.mode & 0o777).toString(8).padStart(4, '0')
    throw new BottleError('usage', `${home} can be written by others (mode ${mode})`, {
      hint: `Take that away with: chmod go-w ${home}`,
    })
  }
}
