/**
 * What may be in the archive of a snapshot. It comes from a stranger's hands: every header is looked at here before tar gets to see its
 * bytes, so that nothing is written but below the folder that it is unpacked into (S12).
 */
import type { TarEntry } from './tar-reader.ts'

const topFiles: ReadonlySet<string> = new Set(['manifest.json', 'original.jsonl', 'start.json', 'frozen.json'])
/** The folder of each layer, and that of a bottle that works on no directory. */
const layerFolder = /^(?:layers\/(?:workspace|home)\/(?:sealed-[1-9][0-9]{0,8}|tree|first)|workspace)(?=\/|$)/
/** Files, hard links, symlinks, whiteouts, folders, pipes. */
const types: ReadonlySet<string> = new Set(['0', '1', '2', '3', '5', '6'])
const recordNames =
  /^(?:path|linkpath|size|mtime|atime|ctime|uid|gid|uname|gname|GNU\.sparse\.[a-z]+|SCHILY\.xattr\.user\..+)$/s
const maxFolders = 2_000_000

export interface ArchiveCheck {
  /** Throws a plain error, whose message is the end of a sentence. */
  allow(entry: TarEntry): void
}

/** `maxBytes`: of all contents together. */
export function createArchiveCheck({ maxBytes }: { readonly maxBytes: number }): ArchiveCheck {
  const folders = new Set<string>()
  let bytes = 0
  return {
    allow({ name, type, linkName, sizeBytes, device, records }) {
      const told = JSON.stringify(name)
      const refuse = (why: string): never => {
        throw new Error(`${told} ${why}`)
      }
      const path = type === '5' ? name.replace(/\/$/, '') : name
      if (!types.has(type)) refuse(`is of type ${JSON.stringify(type)}`)
      if (!isPlain(path)) refuse('is no path inside of it')
      for (const record of records.keys())
        if (!recordNames.test(record)) refuse(`has a record ${JSON.stringify(record)}`)
      bytes += sizeBytes
      if (bytes > maxBytes) refuse(`and what is before it take more than the ${maxBytes} bytes that are free`)
      if (topFiles.has(path)) return type === '0' ? undefined : refuse('is no file')
      const layer = layerFolder.exec(path)?.[0] ?? refuse('is in no layer')
      if (path === layer && type !== '5') refuse('is no folder')
      // What lies in something else than a folder would lead wherever that leads.
      if (path !== layer && !folders.has(path.slice(0, path.lastIndexOf('/'))))
        refuse('lies in no folder that came before it')
      if (type !== '5' && folders.has(path)) refuse('takes the place of a folder')
      if (type === '3' && (device.major !== 0 || device.minor !== 0)) refuse('is a device')
      if (type === '1' && !(isPlain(linkName) && linkName.startsWith(`${layer}/`))) refuse('is a link out of its layer')
      if (type === '5') folders.add(path)
      if (folders.size > maxFolders) refuse('is one folder too many')
    },
  }
}

function isPlain(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}
