/**
 * Says whether a pid is still the process that it was: pids are used again, start times within one boot are not.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { readStat, runningPids } from '../process-stat.ts'
import type { SandboxReference } from '../sandbox.ts'

export type HolderReference = Extract<SandboxReference, { kind: 'bubblewrap' }>

export function referenceTo(holderPid: number): HolderReference {
  const holderStartTicks = startTicksOf(holderPid)
  const networkNamespace = namespaceOf(holderPid, 'net')
  if (holderStartTicks === undefined || networkNamespace === undefined) {
    throw new Error(`process ${holderPid} ended at once`)
  }
  return { kind: 'bubblewrap', holderPid, holderStartTicks, bootId: currentBootId(), networkNamespace }
}

/** False also for a zombie: nothing of its namespace is left. */
export function isAlive({ holderPid, holderStartTicks, bootId }: HolderReference): boolean {
  return bootId === currentBootId() && startTicksOf(holderPid) === holderStartTicks
}

/** A process that lives and has its namespaces. One that is being killed loses them before its children are gone. */
export function isWhole(reference: HolderReference): boolean {
  return isAlive(reference) && namespaceOf(reference.holderPid, 'net') === reference.networkNamespace
}

export function namespaceOf(pid: number, kind: 'net' | 'pid' | 'pid_for_children'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return undefined
  }
}

/**
 * Processes outside a pid namespace that put their children into it: the `nsenter` of a launch. One that is stopped
 * (Ctrl-Z) does not reap its dead child, and the kernel then keeps the namespace's pid 1 for ever.
 */
export function processesEntering(pidNamespace: string): readonly number[] {
  return runningPids().filter((pid) => pid !== process.pid && namespaceOf(pid, 'pid_for_children') === pidNamespace)
}

function startTicksOf(pid: number): number | undefined {
  const stat = readStat(pid)
  return stat === undefined || stat.isZombie ? undefined : stat.startTicks
}

function currentBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}
