/**
 * One look at the memory of all bottles: what belongs to which is told by the network namespace, which no program in a bottle
 * can leave. Resident pages are cheap to count, and too many where processes share them; only where they exceed a limit is
 * each page divided among its users (PSS, which walks page tables).
 */
import { readFileSync } from 'node:fs'
import { namespaceOf } from '../bubblewrap/process-identity.ts'
import { runningPids } from '../process-stat.ts'
import { chooseLargest, type ProcessMemory } from './choose-largest.ts'

export interface WatchedBottle {
  readonly id: string
  readonly networkNamespace: string
  /** Never ended: it is the bottle. */
  readonly holderPid: number
  readonly limitBytes: number
}

export interface EndedProcess extends ProcessMemory {
  /** As the kernel has it, at most 15 characters; chosen by the program itself, so only what can be printed. */
  readonly name: string
}

/** What one look ended in one bottle. */
export interface EndedProcesses {
  readonly bottleId: string
  readonly limitBytes: number
  /** Never empty; the largest first. */
  readonly ended: readonly EndedProcess[]
}

/** Ends what is too much. `isTight`: some bottle has used more than half, so that the next look should come soon. */
export function lookAtMemory(bottles: readonly WatchedBottle[]): {
  readonly ended: readonly EndedProcesses[]
  readonly isTight: boolean
} {
  const byNamespace = new Map(bottles.map((bottle) => [bottle.networkNamespace, [] as number[]]))
  for (const pid of runningPids()) byNamespace.get(namespaceOf(pid, 'net') ?? '')?.push(pid)
  const outside = namespaceOf(process.pid, 'pid')
  let isTight = false
  const ended = bottles.flatMap((bottle) => {
    const inside = byNamespace.get(bottle.networkNamespace) ?? []
    // The helper that binds the listeners enters the network alone.
    const pids = inside.filter((pid) => pid !== bottle.holderPid && namespaceOf(pid, 'pid') !== outside)
    const residentBytes = pids.reduce((sum, pid) => sum + bytesIn(pid, 'status', /^VmRSS:\s+(\d+) kB$/m), 0)
    isTight ||= residentBytes > bottle.limitBytes / 2
    if (residentBytes <= bottle.limitBytes) return []
    const processes = pids.map((pid) => ({ pid, bytes: bytesIn(pid, 'smaps_rollup', /^Pss:\s+(\d+) kB$/m) }))
    const gone = chooseLargest(processes, bottle.limitBytes).flatMap((one) => endProcess(one, bottle))
    return gone.length === 0 ? [] : [{ bottleId: bottle.id, limitBytes: bottle.limitBytes, ended: gone }]
  })
  return { ended, isTight }
}

function bytesIn(pid: number, file: 'status' | 'smaps_rollup', pattern: RegExp): number {
  return Number(pattern.exec(readOf(pid, file))?.[1] ?? 0) * 1024
}

function endProcess({ pid, bytes }: ProcessMemory, { networkNamespace }: WatchedBottle): readonly EndedProcess[] {
  const name = readOf(pid, 'comm')
    .trim()
    .replaceAll(/[^\x20-\x7e]/g, '?')
  // Safety: a pid may be another's by now.
  if (namespaceOf(pid, 'net') !== networkNamespace) return []
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    return []
  }
  return [{ pid, bytes, name }]
}

/** Empty for a process that is gone. */
function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
