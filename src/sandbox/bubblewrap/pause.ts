/**
 * Stops every process of a bottle and lets them go on. Stopped, a bottle changes no file: what is read from its layers then is
 * one moment of it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { BottleError } from '../../core/errors.ts'
import { networkOf } from '../bottle-processes.ts'
import { readStat, runningPids } from '../process-stat.ts'
import { type HolderReference, isAlive, namespaceOf } from './process-identity.ts'

/** A process that waits for a disk stops when the disk has answered. */
const pauseTimeoutMs = 5_000
const pollMs = 2

/** Resolves when all are stopped, or there is none. Throws BottleError `sandbox_failed` when one does not stop in time. */
export async function pauseProcesses(reference: HolderReference): Promise<void> {
  for (const deadline = performance.now() + pauseTimeoutMs; ; await delay(pollMs)) {
    // Anew each time: one that was missed may have started another.
    const running = processesOf(reference).filter((pid) => isRunning(pid))
    if (running.length === 0) return
    if (performance.now() > deadline) {
      throw new BottleError('sandbox_failed', `the bottle's process ${running[0]} does not stop`, {
        hint: 'A process that waits for a disk or network file system cannot be stopped; try again when that is back.',
      })
    }
    for (const pid of running) send(pid, 'SIGSTOP')
  }
}

export function continueProcesses(reference: HolderReference): void {
  for (const pid of processesOf(reference)) send(pid, 'SIGCONT')
}

/** All of the bottle but the holder itself, which only sleeps. */
function processesOf(reference: HolderReference): readonly number[] {
  if (!isAlive(reference)) return []
  const network = namespaceOf(reference.holderPid, 'net')
  const isOfBottle = (pid: number) => networkOf(pid, (name) => name === network) !== undefined
  return runningPids().filter((pid) => pid !== reference.holderPid && isOfBottle(pid))
}

function isRunning(pid: number): boolean {
  const stat = readStat(pid)
  return stat !== undefined && !stat.isZombie && !stat.isStopped
}

function send(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}
