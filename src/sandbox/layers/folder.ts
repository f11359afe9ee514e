/**
 * A folder that is held open. Whatever is done below it goes through its descriptor, one component at a time.
 *
 * **Invariant** No symlink below the folder is followed, also not one that a running bottle puts in the place of a folder while
 * we are on the way (S12). Node has no openat(2); `/proc/self/fd/N/NAME` is the same to the kernel.
 */
import {
  accessSync,
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  read,
  readdirSync,
  readlinkSync,
  utimesSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { decodeName, encodeName } from './names.ts'

const readAt = promisify(read)
/** O_PATH: holds a place without any right to it. Node has no name for it; it is the same on x86-64 and arm64. */
const pathOnly = 0o10000000
const chunkBytes = 1024 * 1024

export type EntryType = 'file' | 'folder' | 'symlink' | 'whiteout' | 'special'

export interface Entry {
  readonly type: EntryType
  /** With set-user-id, set-group-id and sticky. */
  readonly mode: number
  readonly sizeBytes: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  /** 0 where the file system does not know. */
  readonly birthNs: bigint
  readonly inode: bigint
}

/** Something that is held by a descriptor, wherever it is moved to. */
export class Held implements Disposable {
  readonly fd: number
  #isOpen = true

  constructor(fd: number) {
    this.fd = fd
  }

  entry(): Entry {
    return entryOf(fstatSync(this.fd, { bigint: true }))
  }

  /** Whether we may read it, and look into it: root may always. */
  get isReadable(): boolean {
    try {
      accessSync(this.path, this.entry().type === 'folder' ? constants.R_OK | constants.X_OK : constants.R_OK)
      return true
    } catch {
      return false
    }
  }

  setMode(mode: number): void {
    chmodSync(this.path, mode)
  }

  setTimes(mtimeNs: bigint): void {
    utimesSync(this.path, Number(mtimeNs) / 1e9, Number(mtimeNs) / 1e9)
  }

  /** To this very thing, whatever its name is now. */
  get path(): string {
    return `/proc/self/fd/${this.fd}`
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.fd)
  }
}

export class Folder extends Held {
  /** By a path of the host that no bottle has a hand in: symlinks in it are followed. */
  static open(path: string): Folder {
    return new Folder(openSync(path, pathOnly | constants.O_DIRECTORY))
  }

  names(): string[] {
    return readdirSync(this.path, { encoding: 'buffer' }).map(decodeName).sort()
  }

  /** What has the name, if anything has. */
  look(name: string): Entry | undefined {
    const found = orNothing(() => lstatSync(this.at(name), { bigint: true }))
    return found && entryOf(found)
  }

  /** undefined where there is none, or something else. */
  folder(name: string): Folder | undefined {
    const flags = pathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW
    const fd = orNothing(() => openSync(this.at(name), flags))
    return fd === undefined ? undefined : new Folder(fd)
  }

  /** A regular file, to be read; undefined where there is none, or something else. */
  file(name: string): OpenFile | undefined {
    // Without O_NONBLOCK a pipe in the place of the file would keep us for ever.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const fd = orNothing(() => openSync(this.at(name), flags))
    if (fd === undefined) return undefined
    const file = new OpenFile(fd)
    if (file.entry().type === 'file') return file
    file[Symbol.dispose]()
    return undefined
  }

  /** Whatever has the name, a symlink itself, without any right to it. */
  hold(name: string): Held | undefined {
    const fd = orNothing(() => openSync(this.at(name), pathOnly | constants.O_NOFOLLOW))
    return fd === undefined ? undefined : new Held(fd)
  }

  /** Where a symlink leads; undefined where there is none. */
  linkTarget(name: string): string | undefined {
    const target = orNothing(() => readlinkSync(this.at(name), { encoding: 'buffer' }))
    return target && decodeName(target)
  }

  /** For the one component that a system call is to work on. */
  at(name: string): Buffer {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) throw new Error(`"${name}" is no name`)
    return Buffer.concat([Buffer.from(`${this.path}/`), encodeName(name)])
  }
}

export class OpenFile extends Held {
  /** Its bytes from the start. A chunk is valid until the next one is asked for. */
  async *chunks(): AsyncGenerator<Buffer> {
    // One byte more than it had just now: it may grow.
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, this.entry().sizeBytes + 1))
    for (let at = 0; ; ) {
      const { bytesRead } = await readAt(this.fd, buffer, 0, buffer.length, at)
      if (bytesRead === 0) return
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }
}

function entryOf(found: BigIntStats): Entry {
  return {
    type: typeOf(found),
    mode: Number(found.mode & 0o7777n),
    sizeBytes: Number(found.size),
    mtimeNs: found.mtimeNs,
    ctimeNs: found.ctimeNs,
    birthNs: found.birthtimeNs,
    inode: found.ino,
  }
}

function typeOf(found: BigIntStats): EntryType {
  if (found.isFile()) return 'file'
  if (found.isDirectory()) return 'folder'
  if (found.isSymbolicLink()) return 'symlink'
  return found.isCharacterDevice() && found.rdev === 0n ? 'whiteout' : 'special'
}

/** Nothing is there, or not what was asked for, or a symlink (ELOOP), or a socket (ENXIO). */
const absences: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EINVAL'])

function orNothing<Value>(look: () => Value): Value | undefined {
  try {
    return look()
  } catch (error) {
    if (error instanceof Error && 'code' in error && absences.has(String(error.code))) return undefined
    throw error
  }
}
