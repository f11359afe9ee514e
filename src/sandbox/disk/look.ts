/**
 * Looks at what bottles have on the disk. A walk through all files is dear, so it is only done where a bottle could be beyond its
 * limit: when what it had at the last walk and what its file system has lost since are too much together, and else now and then.
 *
 * Beyond the limit those processes are ended that write most, so that the agent goes on and may make room; where that is not
 * enough, as with many short ones, all.
 */
import { readdirSync, statfsSync } from 'node:fs'
import { type EndedProcesses, endProcess, processesOf, readOf, type WatchedBottle } from '../bottle-processes.ts'
import { chooseLargest } from '../choose-largest.ts'
import { diskUseOf } from './disk-use.ts'

export interface WatchedDisk extends WatchedBottle {
  /** Of the bottle on the host. */
  readonly directory: string
}

export interface EndedWriters extends EndedProcesses {
  readonly usedBytes: number
}

/** The rest of the file system may have grown by as much as the bottle. */
const longestRestMs = 60_000
/** Of the time of the thread that looks: one walk rests nine times as long as it took. */
const restPerWalk = 9
/** Written by all together between two looks while there is no room: logs and transcripts go on. */
const quietBytes = 2 ** 20
/** Of the limit: a bottle that still grows there, so many walks on end, loses all processes. */
const hardShare = 1.25
const maxHardWalks = 5

interface Account {
  usedBytes: number
  /** Walks on end that found it beyond the hard limit and growing. */
  hardWalks: number
  /** Of the file system, when the bottle was first looked at, and at the last walk. */
  readonly firstFreeBytes: number
  freeBytes: number
  restsUntilMs: number
  walkDueMs: number
  /** By process, once there is no room. */
  written: ReadonlyMap<number, number> | undefined
}

export interface DiskLook {
  readonly ended: readonly EndedWriters[]
  /** Some bottle has no room left: the next look should come soon. */
  readonly isTight: boolean
}

export function createDiskLook(nowMs: () => number): (bottles: readonly WatchedDisk[]) => DiskLook {
  const accounts = new Map<string, Account>()

  const lookAt = (bottle: WatchedDisk): { readonly isTight: boolean; readonly ended: readonly EndedWriters[] } => {
    const { id, directory, limitBytes } = bottle
    const freeBytes = freeBytesAt(directory)
    if (freeBytes === undefined) return { isTight: false, ended: [] }
    const account = accounts.get(id) ?? newAccount(freeBytes)
    accounts.set(id, account)
    const lostBytes = Math.max(0, account.freeBytes - freeBytes)
    const isDue = nowMs() >= account.walkDueMs || account.usedBytes + lostBytes > limitBytes
    if (isDue && nowMs() >= account.restsUntilMs) walk(account, bottle, freeBytes)
    if (account.usedBytes <= limitBytes) {
      account.written = undefined
      return { isTight: false, ended: [] }
    }
    const pids = processesOf([bottle]).get(id) ?? []
    const before = account.written
    account.written = new Map(pids.map((pid) => [pid, writtenBy(pid)]))
    if (!before) return { isTight: true, ended: [] }
    const shares = [...account.written].map(([pid, bytes]) => ({
      pid,
      bytes: Math.max(0, bytes - (before.get(pid) ?? 0)),
    }))
    const chosen = account.hardWalks >= maxHardWalks ? shares : chooseLargest(shares, quietBytes)
    const ended = chosen.flatMap((one) => endProcess(one, bottle))
    const { usedBytes } = account
    return { isTight: true, ended: ended.length === 0 ? [] : [{ bottleId: id, limitBytes, ended, usedBytes }] }
  }

  const walk = (account: Account, { id, directory, ...bottle }: WatchedDisk, freeBytes: number) => {
    const startedMs = nowMs()
    const pids = processesOf([{ id, ...bottle }]).get(id) ?? []
    const { bytes, isHiding } = diskUseOf(directory, pids)
    // What cannot be read may be all that was lost since the bottle was first seen.
    const usedBytes = isHiding ? Math.max(bytes, account.firstFreeBytes - freeBytes) : bytes
    const isGrowing = usedBytes > account.usedBytes + quietBytes
    account.hardWalks = isGrowing && usedBytes > bottle.limitBytes * hardShare ? account.hardWalks + 1 : 0
    account.usedBytes = usedBytes
    account.freeBytes = freeBytes
    account.restsUntilMs = nowMs() + (nowMs() - startedMs) * restPerWalk
    account.walkDueMs = nowMs() + longestRestMs
  }

  return (bottles) => {
    const ids = new Set(bottles.map(({ id }) => id))
    for (const id of [...accounts.keys()]) if (!ids.has(id)) accounts.delete(id)
    const looks = bottles.map(lookAt)
    return { ended: looks.flatMap(({ ended }) => ended), isTight: looks.some(({ isTight }) => isTight) }
  }
}

function newAccount(freeBytes: number): Account {
  const since = { firstFreeBytes: freeBytes, freeBytes, restsUntilMs: 0, walkDueMs: 0 }
  return { usedBytes: 0, hardWalks: 0, ...since, written: undefined }
}

/** undefined once the directory is gone, which this thread hears of later. */
function freeBytesAt(directory: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return undefined
  }
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** By its living threads: the sum that the kernel keeps for the whole process has those of its children too, once they have ended. */
function writtenBy(pid: number): number {
  return threadsOf(pid).reduce((sum, thread) => {
    const written = /^write_bytes: (\d+)$/m.exec(readOf(pid, `task/${thread}/io`))
    return sum + Number(written?.[1] ?? 0)
  }, 0)
}
