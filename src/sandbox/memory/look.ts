/**
 * One look at the memory of all bottles. Resident pages are cheap to count, and too many where processes share them; only where
 * they exceed a limit is each page divided among its users (PSS, which walks page tables).
 */
import { type EndedProcesses, endProcess, processesOf, readOf, type WatchedBottle } from '../bottle-processes.ts'
import { chooseLargest } from '../choose-largest.ts'

/** Ends what is too much. `isTight`: some bottle has used more than half, so that the next look should come soon. */
export function lookAtMemory(bottles: readonly WatchedBottle[]): {
  readonly ended: readonly EndedProcesses[]
  readonly isTight: boolean
} {
  const pidsOf = processesOf(bottles)
  let isTight = false
  const ended = bottles.flatMap((bottle) => {
    const { id: bottleId, limitBytes } = bottle
    const pids = pidsOf.get(bottleId) ?? []
    const residentBytes = pids.reduce((sum, pid) => sum + bytesIn(pid, 'status', /^VmRSS:\s+(\d+) kB$/m), 0)
    isTight ||= residentBytes > limitBytes / 2
    if (residentBytes <= limitBytes) return []
    const processes = pids.map((pid) => ({ pid, bytes: bytesIn(pid, 'smaps_rollup', /^Pss:\s+(\d+) kB$/m) }))
    const gone = chooseLargest(processes, limitBytes).flatMap((one) => endProcess(one, bottle))
    return gone.length === 0 ? [] : [{ bottleId, limitBytes, ended: gone }]
  })
  return { ended, isTight }
}

function bytesIn(pid: number, file: 'status' | 'smaps_rollup', pattern: RegExp): number {
  return Number(pattern.exec(readOf(pid, file))?.[1] ?? 0) * 1024
}
