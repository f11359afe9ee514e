/** Stops a controller and waits until its process has gone: only then are its bottles ended or left, and its files closed. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { BottleError } from '../core/errors.ts'
import type { StopRequest } from './api.ts'
import type { ControllerClient } from './client.ts'

const stopTimeoutMs = 15_000
const pollMs = 20

/** Throws BottleError `conflict` when bottles live and `force` is false. */
export async function stopController(client: ControllerClient, request: StopRequest): Promise<void> {
  const { pid } = await client.status()
  await client.stop(request)
  for (const deadline = performance.now() + stopTimeoutMs; isAlive(pid); await delay(pollMs)) {
    if (performance.now() < deadline) continue
    const message = `the controller (process ${pid}) has not ended within ${stopTimeoutMs / 1000} s`
    throw new BottleError('controller_running', message, { hint: `End it with: kill -9 ${pid}` })
  }
}

/** A zombie has ended: only whoever adopted it has not asked for its exit code yet, which some inits take seconds for. */
function isAlive(pid: number): boolean {
  try {
    return !/^[^)]*\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
