/**
 * What a process starts inherits how readily the kernel would kill it for want of memory, through every change of parent,
 * namespace, user and environment: a mark that also what lost whoever started it bears.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'

export function markProcess(pid: number, mark: number): void {
  writeFileSync(`/proc/${pid}/oom_score_adj`, String(mark))
}

/** Words in front of a command that is to bear the mark from its first instruction on. */
export function marked(mark: number): readonly string[] {
  return ['bash', '-c', `echo ${mark} > /proc/self/oom_score_adj && exec "$@"`, 'marked']
}

/** `PID COMMAND` of each. */
export async function processesMarked(mark: number): Promise<readonly string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || readIfThere(`/proc/${pid}/oom_score_adj`).trim() !== String(mark)) continue
    const command = readIfThere(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
    // A process that has ended and waits for its parent has no command line any more.
    if (command !== '') found.push(`${pid} ${command}`)
  }
  return found
}

export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone: what we want.
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
