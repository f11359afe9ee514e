/**
 * What a bottle has on the disk: its directory on the host, and files that it deleted and still holds open. Only what is
 * allocated counts, a file with several names once, and an entry as a block at least: files without content fill a disk too.
 */
import { type Dirent, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readOf } from '../bottle-processes.ts'

export interface DiskUse {
  readonly bytes: number
  /** There are folders that only the bottle may read, whose content is not in `bytes`. */
  readonly isHiding: boolean
}

const minEntryBytes = 4_096
const blockBytes = 512

/** The kernel's own folder of an overlay, which nobody may read. */
const ownOfKernel = /\/layers\/[^/]+\/work$/

export function diskUseOf(directory: string, pids: readonly number[]): DiskUse {
  const counted = new Set<string>()
  let bytes = 0
  let isHiding = false
  const count = ({ dev, ino, nlink, blocks }: Inode) => {
    if (nlink !== 1) {
      const name = `${dev}:${ino}`
      if (counted.has(name)) return
      counted.add(name)
    }
    bytes += Math.max(minEntryBytes, blocks * blockBytes)
  }
  const waiting = [directory]
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    let entries: readonly Dirent[] = []
    try {
      entries = readdirSync(folder, { withFileTypes: true })
    } catch (error) {
      // What was removed meanwhile is not hidden.
      if ((error as NodeJS.ErrnoException).code === 'EACCES') isHiding = true
    }
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!ownOfKernel.test(path)) waiting.push(path)
        bytes += minEntryBytes
      } else {
        const found = lstatSync(path, { throwIfNoEntry: false })
        if (found) count(found)
      }
    }
  }
  for (const pid of pids) for (const inode of deletedFilesOf(pid)) count(inode)
  return { bytes, isHiding }
}

interface Inode {
  readonly dev: number
  readonly ino: number
  readonly nlink: number
  readonly blocks: number
}

/** Of those on a disk: what is in memory counts there. */
function deletedFilesOf(pid: number): readonly Inode[] {
  const inMemory = devicesInMemory(readOf(pid, 'mountinfo'))
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).flatMap((fd) => {
      const path = `${folder}/${fd}`
      const found = statSync(path, { throwIfNoEntry: false })
      if (!found?.isFile() || found.nlink > 0 || inMemory.has(found.dev)) return []
      return /^\/(?:memfd:|SYSV)/.test(readlinkSync(path)) ? [] : [found]
    })
  } catch {
    // Gone.
    return []
  }
}

/** As `stat` numbers them (makedev(3)). */
function devicesInMemory(mountInfo: string): ReadonlySet<number> {
  const mounts = [...mountInfo.matchAll(/^\d+ \d+ (\d+):(\d+) .* - tmpfs /gm)]
  return new Set(
    mounts.map(
      ([, major, minor]) => ((Number(major) & 0xfff) << 8) | (Number(minor) & 0xff) | ((Number(minor) & ~0xff) << 12),
    ),
  )
}
