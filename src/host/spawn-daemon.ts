/**
 * Starts a process that outlives its starter: own session, working directory `/`, a small environment without credentials, and none of
 * the starter's open files (Node closes none of them itself, so bash does: S15).
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { BottleError, messageOf } from '../core/errors.ts'

export interface DaemonOptions {
  /** The program and its arguments. */
  readonly command: readonly string[]
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of the three standard streams. */
  readonly stdio: StdioOptions
}

/** Each bottle may have a thousand connections: a daemon takes as many descriptors as the user may have. */
const closeInheritedFiles = `
ulimit -Sn "$(ulimit -Hn)"
for entry in /proc/self/fd/*; do
  fd=\${entry##*/}
  if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
done
exec "$@"
`

export async function spawnDaemon({ command, home, env, stdio }: DaemonOptions): Promise<ChildProcess> {
  const child = spawn('bash', ['--noprofile', '--norc', '-c', closeInheritedFiles, 'bash', ...command], {
    cwd: '/',
    detached: true,
    env: daemonEnvironment(env, home),
    stdio,
  })
  try {
    await once(child, 'spawn')
  } catch (cause) {
    throw new BottleError('sandbox_unavailable', `bash could not be started: ${messageOf(cause)}`, {
      hint: 'Install bash.',
      cause,
    })
  }
  return child
}

function daemonEnvironment(env: DaemonOptions['env'], home: string): Record<string, string> {
  const kept = /^(?:PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|NODE_COMPILE_CACHE|BOT_BOTTLE_[A-Z_]+|PG[A-Z]+)$/
  const daemon: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) if (value !== undefined && kept.test(name)) daemon[name] = value
  return { ...daemon, BOT_BOTTLE_HOME: home }
}
