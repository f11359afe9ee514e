/** What `/proc/PID/stat` says about a process (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessStat {
  readonly pid: number
  readonly parentPid: number
  /** Clock ticks after boot: with the pid it names one process, since pids are used again. */
  readonly startTicks: number
  /** Ended, only not yet reaped. */
  readonly isZombie: boolean
  /** By a signal. */
  readonly isStopped: boolean
}

export function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return undefined
  }
}

export function parseStat(text: string): ProcessStat | undefined {
  // The name of the program may itself hold parentheses and spaces.
  const nameEnd = text.lastIndexOf(') ')
  const fields = text.slice(nameEnd + 2).split(' ')
  const [state, parentPid] = fields
  const stat = { pid: Number.parseInt(text, 10), parentPid: Number(parentPid), startTicks: Number(fields[19]) }
  if (nameEnd === -1 || !Object.values(stat).every(Number.isSafeInteger)) return undefined
  return { ...stat, isZombie: state === 'Z' || state === 'X', isStopped: state === 'T' }
}

export function runningPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}
