/**
 * No sandbox: the program is a plain process that finds the explicit proxy by its environment, for hosts that allow no
 * namespaces. Metering and budgets work for programs that heed the variables; nothing is contained (I1 does not hold),
 * so this backend is only ever chosen by name (I10).
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, realpath } from 'node:fs/promises'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { BottleError } from '../../core/errors.ts'
import { writeCaFiles } from '../ca-bundle.ts'
import { caVariables, proxyVariables } from '../child-environment.ts'
import { holdEarlyConnections } from '../early-connections.ts'
import { searchPathOf } from '../find-tool.ts'
import { homesOfUser } from '../homes-of-user.ts'
import type { Sandbox, SandboxBackend, SandboxSpec } from '../sandbox.ts'
import { checkWorkspace, openHome, openWorkspace } from '../workspace.ts'
import { markVariable, processesOf } from './process-tree.ts'

const maxKillRounds = 100
const killPollMs = 20

/** $1 = where to record this process (`kill` looks there), then the command. */
const launchScript = 'read -r stat < /proc/self/stat; printf "%s\\n" "$stat" >> "$1"; shift; exec "$@"'

export interface NoneOptions {
  /** PATH of the program, behind the folder of its own file. */
  readonly searchPath?: readonly string[]
}

export function createNone({ searchPath = searchPathOf(process.env) }: NoneOptions = {}): SandboxBackend {
  return {
    name: 'none',
    contained: false,
    probe: async () => [{ subject: 'sandbox none', ok: true, found: 'always works, contains nothing' }],
    open: (spec, signal) => open(spec, searchPath, signal),
    // Its program knows the port of a listener that is gone.
    adopt: async () => undefined,
    pause: async () => {
      throw new BottleError('sandbox_failed', 'an uncontained bottle cannot be stopped as a whole', {
        hint: 'Cut it off, or kill it.',
      })
    },
    continue: () => {},
    // Its processes end with their proxy gone or not at all: the reference holds nothing to find them by.
    sweep: async () => {},
  }
}

async function open(spec: SandboxSpec, searchPath: readonly string[], signal: AbortSignal): Promise<Sandbox> {
  signal.throwIfAborted()
  const hidden = { homes: await homesOfUser(), bottleDirectory: await realpath(spec.directory) }
  const realWorkspace = await checkWorkspace(spec.workspace, hidden)
  const own = path.join(spec.directory, 'sandbox')
  await mkdir(own, { recursive: true, mode: 0o700 })
  const ca = await writeCaFiles(own, spec.caCertificate)
  const { writablePath: home } = await openHome(spec, undefined)
  const { writablePath: workspacePath } = await openWorkspace(spec, { realPath: realWorkspace, mount: undefined })
  const proxy = net.createServer()
  const held = holdEarlyConnections(proxy)
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  if (signal.aborted) {
    proxy.close()
    throw signal.reason
  }
  const { port } = proxy.address() as AddressInfo // listening on TCP, so it is one

  const mark = randomUUID()
  const launchedFile = path.join(own, 'launched')
  const leave = (): void => {
    proxy.close()
    held.release()
  }
  const kill = (): Promise<void> => {
    leave()
    return killAll(mark, launchedFile)
  }
  return {
    listeners: { proxy },
    launch: {
      file: '/bin/sh',
      args: ['-c', launchScript, 'bot-bottle', launchedFile, ...spec.command],
      env: {
        HOME: home,
        LANG: 'C.UTF-8',
        TERM: 'xterm-256color',
        PATH: [path.dirname(spec.command[0]), ...searchPath].join(':'),
        ...caVariables(ca),
        ...proxyVariables(port),
        ...spec.env,
        [markVariable]: mark,
      },
      cwd: workspacePath,
    },
    reference: { kind: 'none' },
    workspacePath,
    // Nothing would find it again.
    outlive: () => {},
    leave,
    kill,
    [Symbol.asyncDispose]: kill,
  }
}

/** In rounds, since a process can fork between the look and the kill. */
async function killAll(mark: string, launchedFile: string): Promise<void> {
  const launched = await readFile(launchedFile, 'utf8').catch(() => '')
  for (let round = 0; round < maxKillRounds; round++) {
    const pids = processesOf(mark, launched)
    if (pids.length === 0) return
    for (const pid of pids) kill(pid)
    await delay(killPollMs)
  }
  throw new BottleError(
    'sandbox_failed',
    `some processes of the uncontained bottle do not end: ${processesOf(mark, launched).join(', ')}`,
    {
      hint: 'End them by hand; a sandbox that contains would have.',
    },
  )
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone already: what we want.
  }
}
