/**
 * The limits that the kernel holds from the start of a bottle, without a cgroup: how many processes, how large a file, and
 * which share of the processors.
 *
 * Processes: from Linux 6.14 on a pid namespace has a `pid_max` of its own, which holds for root too. Before, RLIMIT_NPROC
 * counts for each user in each user namespace (5.14), but never for root's uid, whatever the namespace.
 */
import { release } from 'node:os'
import type { Limits } from '../../core/limits/limits.ts'
import type { Finding } from '../sandbox.ts'
import type { HostAbilities, HostTools } from './host-tools.ts'
import { bashFlags, limitPids, ownProc } from './scripts.ts'
import { isAtLeast, succeeds } from './try-tool.ts'

/** `none`: nothing holds them here. */
export type ProcessLimit = 'pid_max' | 'rlimit' | 'none'

/** Safety: before this one `pid_max` is the whole host's, and root could write it from inside a namespace. */
const firstWithOwnPidMax = '6.14'
const firstWithCountedNamespaces = '5.14'
/** Beside the program: the holder, and the sandbox's own. */
const ownProcesses = 4

export async function findProcessLimit({ unshare, bash, mount }: HostTools): Promise<ProcessLimit> {
  if (isAtLeast(release(), firstWithOwnPidMax)) {
    const namespaces = ['--user', '--map-root-user', '--pid', '--mount', '--fork', '--kill-child']
    const script = `${ownProc} && shift && ${limitPids}`
    const { ok } = await succeeds(unshare, [...namespaces, bash, ...bashFlags, script, 'probe', mount, '64'])
    if (ok) return 'pid_max'
  }
  return isAtLeast(release(), firstWithCountedNamespaces) && process.getuid?.() !== 0 ? 'rlimit' : 'none'
}

/** For the holder's pid namespace. */
export function maxPidsOf({ processes }: Limits, { processLimit }: HostAbilities): number | null {
  return processes !== null && processLimit === 'pid_max' ? processes + ownProcesses : null
}

/** Niceness, KiB of a file, processes: for `launchScript`. */
export function launchLimits(
  { cpuWeight, diskBytes, processes }: Limits,
  { processLimit }: HostAbilities,
): readonly string[] {
  const fileKiB = diskBytes === null ? null : Math.ceil(diskBytes / 1024)
  const rlimit = processes !== null && processLimit === 'rlimit' ? processes + ownProcesses : null
  return [nicenessOf(cpuWeight), fileKiB ?? '-', rlimit ?? '-'].map(String)
}

/** Each step of niceness is a fifth less (kernel/sched/core.c, sched_prio_to_weight). */
export function nicenessOf(cpuWeight: number): number {
  return Math.min(19, Math.round(Math.log(100 / cpuWeight) / Math.log(1.25)))
}

/** Files in memory are counted for no process: each of the folders that hold some may have half of the bottle's memory. */
export function tmpfsBytesOf({ memoryBytes }: Limits): number | null {
  return memoryBytes === null ? null : Math.ceil(memoryBytes / 2)
}

/** By what each limit is held here. A host without one of them is no failure: `show` tells what a bottle asks for. */
export async function examineLimits(tools: HostTools): Promise<Finding> {
  const processes = {
    pid_max: 'processes by pid_max of the pid namespace',
    rlimit: 'processes by RLIMIT_NPROC in the user namespace',
    none: 'processes by nothing (for root that needs Linux 6.14)',
  }[await findProcessLimit(tools)]
  const found = [
    'memory by looking at it',
    processes,
    'the size of a file by RLIMIT_FSIZE',
    'cpu_weight by niceness',
  ].join(', ')
  return { subject: 'limits', ok: true, found }
}
