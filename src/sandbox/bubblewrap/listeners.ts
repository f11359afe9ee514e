/**
 * Opens a bottle's listeners: the bind helper enters the namespaces, binds, passes the handles over and ends. The
 * handles belong to this process alone afterwards; when it dies they are gone and the bottle has no way out (I1, I9).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:dgram'
import { Server } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type HeldConnections, holdEarlyConnections } from '../early-connections.ts'
import type { SandboxListeners } from '../sandbox.ts'
import type { HelperMessage } from './bind-helper.ts'
import { serveDns } from './dns-responder.ts'
import type { HostTools } from './host-tools.ts'
import type { HolderReference } from './process-identity.ts'

const startTimeoutMs = 10_000
const maxOutputBytes = 4_096

/** Beside this file, with its extension: `.ts` as source, `.js` when built. */
const thisFile = fileURLToPath(import.meta.url)
const helperFile = path.join(path.dirname(thisFile), `bind-helper${path.extname(thisFile)}`)

export interface BottleListeners {
  readonly listeners: Required<SandboxListeners>
  close(): void
}

/** Rejects with a plain error that carries what the helper said. */
export async function openListeners(
  { nsenter }: HostTools,
  { holderPid, networkNamespace }: HolderReference,
  signal: AbortSignal,
): Promise<BottleListeners> {
  signal.throwIfAborted()
  const enter = ['-t', String(holderPid), '-U', '--preserve-credentials', '-n']
  const helper = spawn(nsenter, [...enter, process.execPath, '--no-warnings', helperFile, networkNamespace], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    cwd: '/',
    env: {},
  })
  const received = new Handles()
  try {
    return await receiveHandles(helper, received, AbortSignal.any([signal, AbortSignal.timeout(startTimeoutMs)]))
  } catch (failure) {
    received.close()
    helper.kill('SIGKILL')
    throw failure
  }
}

/** What has come so far: closed as a whole when the rest does not come. */
class Handles {
  readonly #servers = new Map<string, Server>()
  readonly #held: HeldConnections[] = []
  #responder: Socket | undefined

  take(message: HelperMessage, handle: unknown): void {
    if (message.kind === 'tcp' && handle instanceof Server) {
      this.#servers.set(message.name, handle)
      this.#held.push(holdEarlyConnections(handle))
    } else if (message.kind === 'udp' && handle instanceof Socket) {
      this.#responder = handle
      serveDns(handle)
    }
  }

  complete(): BottleListeners | undefined {
    const proxy = this.#servers.get('proxy')
    const tls = this.#servers.get('tls')
    const http = this.#servers.get('http')
    if (proxy === undefined || tls === undefined || http === undefined || this.#responder === undefined)
      return undefined
    return { listeners: { proxy, tls, http }, close: () => this.close() }
  }

  close(): void {
    for (const server of this.#servers.values()) server.close()
    for (const held of this.#held) held.release()
    this.#responder?.close()
    this.#responder = undefined
  }
}

function receiveHandles(helper: ChildProcess, received: Handles, signal: AbortSignal): Promise<BottleListeners> {
  return new Promise((resolve, reject) => {
    let complained = ''
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    helper.on('error', reject)
    helper.stderr?.on('data', (chunk: Buffer) => {
      complained = (complained + chunk).slice(0, maxOutputBytes)
    })
    helper.on('message', (sent, handle) => {
      const message = sent as HelperMessage // our own program, of the same version
      if (message.kind === 'failed') return reject(new Error(message.reason))
      received.take(message, handle)
      const complete = received.complete()
      if (complete !== undefined) resolve(complete)
    })
    helper.on('close', () => {
      signal.removeEventListener('abort', onAbort)
      reject(new Error(complained.trim() || 'the bind helper ended early'))
    })
  })
}
