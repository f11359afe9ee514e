/**
 * The processes of bottles. Which belongs to which is told by the network namespace: no program in a bottle can leave it, but for
 * one of its own (`nested_sandbox`), and those have an ancestor in the bottle's, down to the first process of its pid namespace.
 */
import { readFileSync } from 'node:fs'
import { namespaceOf } from './bubblewrap/process-identity.ts'
import type { ProcessShare } from './choose-largest.ts'
import { readStat, runningPids } from './process-stat.ts'

export interface WatchedBottle {
  readonly id: string
  readonly networkNamespace: string
  /** Never ended: it is the bottle. */
  readonly holderPid: number
  readonly limitBytes: number
}

export interface EndedProcess extends ProcessShare {
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

/** Pids by the id of the bottle, without its holder. */
export function processesOf(
  bottles: readonly Pick<WatchedBottle, 'id' | 'networkNamespace' | 'holderPid'>[],
): ReadonlyMap<string, readonly number[]> {
  const byNamespace = new Map(bottles.map(({ networkNamespace }) => [networkNamespace, [] as number[]]))
  for (const pid of runningPids()) byNamespace.get(networkOf(pid, (name) => byNamespace.has(name)) ?? '')?.push(pid)
  const outside = namespaceOf(process.pid, 'pid')
  return new Map(
    bottles.map(({ id, networkNamespace, holderPid }) => {
      const inside = byNamespace.get(networkNamespace) ?? []
      // The helper that binds the listeners enters the network alone.
      return [id, inside.filter((pid) => pid !== holderPid && namespaceOf(pid, 'pid') !== outside)]
    }),
  )
}

/** The first network namespace of a process and its ancestors that is one of a bottle. */
export function networkOf(pid: number, isOfBottle: (networkNamespace: string) => boolean): string | undefined {
  const outside = namespaceOf(process.pid, 'net')
  for (let at = pid; at > 0; at = readStat(at)?.parentPid ?? 0) {
    const network = namespaceOf(at, 'net')
    if (network === undefined || network === outside) return undefined
    if (isOfBottle(network)) return network
  }
  return undefined
}

/** Empty when it is gone already. */
export function endProcess({ pid, bytes }: ProcessShare, { networkNamespace }: WatchedBottle): readonly EndedProcess[] {
  const name = readOf(pid, 'comm')
    .trim()
    .replaceAll(/[^\x20-\x7e]/g, '?')
  // Safety: a pid may be another's by now.
  if (networkOf(pid, (name) => name === networkNamespace) === undefined) return []
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    return []
  }
  return [{ pid, bytes, name }]
}

/** A file of `/proc/PID`. Empty for a process that is gone. */
export function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
