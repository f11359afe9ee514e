/**
 * The processes of an uncontained bottle, as well as the host can tell: those that carry its mark in their environment,
 * those that its launches recorded, and all descendants of either. A program that clears its environment *and* leaves
 * its parent is missed; nothing but a namespace finds that one.
 */
import { readdirSync, readFileSync } from 'node:fs'

export const bottleMark = 'BOT_BOTTLE_ID'

export function processesOf(bottleId: string, recordedPids: readonly number[]): readonly number[] {
  const mark = `${bottleMark}=${bottleId}`
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]))
  const found = new Set(pids.filter((pid) => parents.get(pid) !== undefined && isMarked(pid, mark)))
  // A recorded pid may be another's by now, unless it still carries the mark or started a marked process group.
  for (const pid of recordedPids) if (isMarked(pid, mark)) found.add(pid)
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const [pid, parent] of parents) if (parent !== undefined && found.has(parent)) found.add(pid)
  }
  found.delete(process.pid)
  return [...found]
}
