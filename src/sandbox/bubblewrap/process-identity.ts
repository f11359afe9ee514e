/**
 * Says whether a pid is still the process that it was: pids are used again, start times within one boot are not.
 * `/proc/PID/stat` and namespaces: proc(5), namespaces(7).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { SandboxReference } from '../sandbox.ts'

export type HolderReference = Extract<SandboxReference, { kind: 'bubblewrap' }>

const stateField = 0
const startTicksField = 19

export function referenceTo(holderPid: number): HolderReference {
  const holderStartTicks = startTicksOf(holderPid)
  if (holderStartTicks === undefined) throw new Error(`process ${holderPid} ended at once`)
  return { kind: 'bubblewrap', holderPid, holderStartTicks, bootId: currentBootId() }
}

/** False also for a zombie: nothing of its namespace is left. */
export function isAlive({ holderPid, holderStartTicks, bootId }: HolderReference): boolean {
  return bootId === currentBootId() && startTicksOf(holderPid) === holderStartTicks
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
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => pid !== process.pid && namespaceOf(pid, 'pid_for_children') === pidNamespace)
}

function startTicksOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name before may itself hold parentheses and spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[stateField] === 'Z' || fields[stateField] === 'X' ? undefined : Number(fields[startTicksField])
  } catch {
    return undefined
  }
}

function currentBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}
