/**
 * The processes of an uncontained bottle, as well as the host can tell: those that carry its mark in their environment,
 * those that its launches recorded, and all descendants of either. A program that clears its environment *and* leaves
 * its parent is missed; only a namespace finds that one.
 */
import { readFileSync } from 'node:fs'
import { type ProcessStat, parseStat, readStat, runningPids } from '../process-stat.ts'

/** The variable that marks a process; its value names one opening of one bottle. */
export const markVariable = 'BOT_BOTTLE_MARK'

/** `launched`: one `/proc/PID/stat` line for each launch, as its first process wrote it. */
export function processesOf(mark: string, launched: string): readonly number[] {
  const running = runningPids().flatMap((pid) => readStat(pid) ?? [])
  const starts = launched.split('\n').flatMap((line) => parseStat(line) ?? [])
  const found = new Set(
    running
      .filter((one) => isMarked(one.pid, mark) || starts.some((start) => isSame(one, start)))
      .map(({ pid }) => pid),
  )
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const { pid, parentPid } of running) if (found.has(parentPid)) found.add(pid)
  }
  return running.filter(({ pid, isZombie }) => found.has(pid) && !isZombie && pid !== process.pid).map(({ pid }) => pid)
}

function isSame(one: ProcessStat, other: ProcessStat): boolean {
  return one.pid === other.pid && one.startTicks === other.startTicks
}

function isMarked(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${markVariable}=${mark}`)
  } catch {
    // Another user's process, or gone.
    return false
  }
}
