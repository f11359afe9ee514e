/** The processes of one bottle as an operator wants to see them. What they are called they chose themselves. */
import { processesOf, readOf } from './bottle-processes.ts'
import { readStat } from './process-stat.ts'
import type { SandboxReference } from './sandbox.ts'

export interface BottleProcess {
  /** Of the host. */
  readonly pid: number
  readonly parentPid: number
  /** The command line; the name in brackets where there is none. At most so many characters. */
  readonly command: string
  readonly residentBytes: number
  readonly isStopped: boolean
}

const maxCommandCharacters = 500

/** Oldest first. Empty for a bottle without containment: nothing tells which processes of the host are its own for sure. */
export function listProcesses(reference: SandboxReference): readonly BottleProcess[] {
  if (reference.kind !== 'bubblewrap') return []
  const { networkNamespace, holderPid } = reference
  const pids = processesOf([{ id: '', networkNamespace, holderPid }]).get('') ?? []
  return pids
    .flatMap((pid) => {
      const stat = readStat(pid)
      if (!stat || stat.isZombie) return []
      const words = readOf(pid, 'cmdline').replaceAll('\0', ' ').trim()
      const command = (words === '' ? `[${readOf(pid, 'comm').trim()}]` : words).slice(0, maxCommandCharacters)
      const residentBytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readOf(pid, 'status'))?.[1] ?? 0) * 1024
      return [
        { ...stat, process: { pid, parentPid: stat.parentPid, command, residentBytes, isStopped: stat.isStopped } },
      ]
    })
    .toSorted((one, other) => one.startTicks - other.startTicks || one.pid - other.pid)
    .map((one) => one.process)
}
