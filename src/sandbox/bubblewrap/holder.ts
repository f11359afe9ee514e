/**
 * The process that owns a bottle's namespaces: pid 1 of its outer pid namespace. When it is killed the kernel kills
 * every process in it, however it was forked (S09). Until its reference is durable it ends with the controller; from then on
 * it outlives one that dies, without egress, until the bottle is adopted or swept.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { BottleError } from '../../core/errors.ts'
import type { HostTools } from './host-tools.ts'
import { type HolderReference, isAlive, namespaceOf, processesEntering, referenceTo } from './process-identity.ts'
import { bashFlags, holderScript, withoutDescriptors } from './scripts.ts'

const startTimeoutMs = 10_000
const maxOutputBytes = 4_096
/** The kernel is done in a few milliseconds, unless a stopped process outside keeps a zombie. */
const killGraceMs = 50
const wakeTimeoutMs = 2_000
const killTimeoutMs = 5_000
const pollMs = 5

const unshareFlags = [
  '--user',
  '--map-root-user',
  '--net',
  '--pid',
  '--mount',
  '--propagation',
  'slave',
  '--fork',
  '--kill-child',
]

export interface Holder {
  readonly reference: HolderReference
  /** Lets it go on without this process. */
  outlive(): void
  /** Resolves when no process of the bottle is left. */
  kill(): Promise<void>
}

/** Rejects with a plain error that carries what the tools said; the caller knows how to explain it. */
export async function startHolder(
  { bash, unshare, ip, mount }: HostTools,
  { maxPids, signal }: { readonly maxPids: number | null; readonly signal: AbortSignal },
): Promise<Holder> {
  signal.throwIfAborted()
  const child = spawn(
    bash,
    [
      ...bashFlags,
      withoutDescriptors,
      'holder',
      unshare,
      ...unshareFlags,
      bash,
      ...bashFlags,
      holderScript,
      'holder',
      ...[ip, mount, String(maxPids ?? '-')],
    ],
    // Detached: a Ctrl-C at the controller's terminal must not end the bottles.
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true, cwd: '/', env: { PATH: '/usr/bin:/bin' } },
  )
  // Its input ends with it, whoever was about to write.
  child.stdin.on('error', () => {})
  try {
    const reference = referenceTo(
      await holderPidFrom(child, AbortSignal.any([signal, AbortSignal.timeout(startTimeoutMs)])),
    )
    child.stdout.destroy()
    child.stderr.destroy()
    child.unref()
    return {
      reference,
      outlive: () => child.stdin.end('\n'),
      kill: () => killHolder(reference),
    }
  } catch (failure) {
    // --kill-child takes the namespaces along.
    child.kill('SIGKILL')
    throw failure
  }
}

/** The first line that the holder says, once its network stands. */
function holderPidFrom(child: ChildProcess, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = ''
    let complained = ''
    const fail = (reason: unknown): void => {
      signal.removeEventListener('abort', onAbort)
      reject(reason instanceof Error ? reason : new Error(String(reason)))
    }
    const onAbort = (): void => fail(signal.reason)
    signal.addEventListener('abort', onAbort)
    child.on('error', fail)
    child.stderr?.on('data', (chunk: Buffer) => {
      complained = (complained + chunk).slice(0, maxOutputBytes)
    })
    child.stdout?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(0, maxOutputBytes)
      const line = /^(\d+)\n/.exec(said)
      if (line === null) return
      signal.removeEventListener('abort', onAbort)
      resolve(Number(line[1]))
    })
    child.on('close', () => fail(complained.trim() || 'the namespaces could not be made'))
  })
}

/** Kills a holder, also one that another controller started. Does nothing when it is gone or the pid is another's. */
export async function killHolder(reference: HolderReference): Promise<void> {
  const { holderPid, networkNamespace } = reference
  if (!isAlive(reference)) return
  const network = namespaceOf(holderPid, 'net')
  if (network !== undefined && network !== networkNamespace) return
  const pidNamespace = namespaceOf(holderPid, 'pid')
  const sendEntering = (signal: NodeJS.Signals): void => {
    if (pidNamespace !== undefined) for (const pid of processesEntering(pidNamespace)) send(pid, signal)
  }
  send(holderPid, 'SIGKILL')
  // A pause has stopped the `unshare` that waits for it too, which nobody else would wake.
  sendEntering('SIGCONT')
  if (await isGoneWithin(reference, killGraceMs)) return
  // Woken, a stopped launch reaps its child itself; killed, it leaves that to the host's init, which may take seconds. Woken again
  // and again: nsenter stops itself once more when it reads that its child was stopped before it reads that it is dead.
  if (await isGoneWithin(reference, wakeTimeoutMs, () => sendEntering('SIGCONT'))) return
  sendEntering('SIGKILL')
  if (await isGoneWithin(reference, killTimeoutMs)) return
  throw new BottleError('sandbox_failed', `the bottle's process ${holderPid} does not end`, {
    hint: 'A process that waits for a disk or network file system cannot be killed; try again when that is back.',
  })
}

/**
 * Pid 1 becomes a zombie only after the kernel reaped everything else in its namespace, so its end is the end of all.
 * A holder may be no child of ours, hence polling.
 */
async function isGoneWithin(reference: HolderReference, timeoutMs: number, urge = () => {}): Promise<boolean> {
  for (const deadline = performance.now() + timeoutMs; isAlive(reference); ) {
    if (performance.now() > deadline) return false
    urge()
    await delay(pollMs)
  }
  return true
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already: what we want.
  }
}
