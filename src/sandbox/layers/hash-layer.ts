/**
 * What a layer holds, entry by entry, and two hashes of all of it: two layers with the same `sha256` show the same files, here or on
 * another host; one that has the same `stamp` later is still as it was, which is told without reading what is in its files.
 */
import { createHash } from 'node:crypto'
import { type Entry, type EntryType, Folder } from './folder.ts'
import { lacksRights, lendRights } from './lend-rights.ts'
import { opaqueFolders, transparentFolders } from './opaque-folders.ts'

export interface LayerEntry {
  /** Relative to the layer. */
  readonly path: string
  readonly type: EntryType
  readonly mode: number
  readonly mtimeNs: bigint
  readonly sizeBytes: number
  /** SHA-256 of a file's content, in hex. */
  readonly sha256?: string
  readonly linkTarget?: string
  /** A folder that hides what lies below it in the layers under this one. */
  readonly isOpaque?: boolean
}

export interface LayerHash {
  /** Over the entries in their order with their contents, in hex; null where contents were not asked for. */
  readonly sha256: string | null
  /** Over all that the file system knows of the entries, the time of their last change (ctime) with it: no program sets that. */
  readonly stamp: string
  readonly entries: number
  /** Of all files. */
  readonly bytes: number
}

export interface HashOptions {
  readonly contents: boolean
  /** Asked before each entry; what it throws ends the hash. */
  readonly goOn?: () => void
}

interface Found {
  readonly entry: LayerEntry
  /** What is known of it to this file system alone. */
  readonly own: readonly string[]
}

/** Of a layer that nothing changes meanwhile. */
export async function hashLayer(directory: string, { contents, goOn }: HashOptions): Promise<LayerHash> {
  using root = Folder.open(directory)
  const found: Found[] = []
  for await (const one of entriesOf(root, { prefix: '', contents, isBelowLocked: false })) {
    goOn?.()
    found.push(one)
  }
  const unmarked = found.flatMap(({ entry: { type, path, isOpaque } }) =>
    type === 'folder' && isOpaque === undefined ? [path] : [],
  )
  const opaque = await opaqueFolders(root, unmarked)
  const [content, stamp] = [createHash('sha256'), createHash('sha256')]
  let bytes = 0
  for (const { entry, own } of found) {
    const { path, type, isOpaque = opaque.has(path) } = entry
    const whole = { ...entry, mtimeNs: String(entry.mtimeNs), ...(type === 'folder' && { isOpaque }) }
    // Pipes and sockets are nothing without who has them open.
    if (type !== 'special') content.update(`${JSON.stringify(whole)}\n`)
    const { sha256: _, ...seen } = whole
    stamp.update(`${JSON.stringify([seen, own])}\n`)
    if (type === 'file') bytes += entry.sizeBytes
  }
  const sha256 = contents ? content.digest('hex') : null
  return { sha256, stamp: stamp.digest('hex'), entries: found.length, bytes }
}

interface Walk {
  readonly prefix: string
  readonly contents: boolean
  /** In a folder that we may only look into for as long as we are in it. */
  readonly isBelowLocked: boolean
}

/** Parents before what is in them, in the order of the names. Every entry of the layer, whiteouts too. */
async function* entriesOf(folder: Folder, { prefix, contents, isBelowLocked }: Walk): AsyncGenerator<Found> {
  const names = folder.names()
  // As the bottle left them: the next line may change modes for as long as we read.
  const looks = names.map((name) => folder.look(name))
  using _rights = lendRights(folder, names)
  // One tar for all folders comes too late for those: then it may not look into them any more.
  const hasLock = looks.map((look) => isBelowLocked || lacksRights(look))
  const transparent = await transparentFolders(
    folder,
    names.filter((_, index) => hasLock[index]),
  )
  for (const [index, name] of names.entries()) {
    const look = looks[index]
    if (look === undefined) continue
    const { type, mode, mtimeNs } = look
    const isLocked = hasLock[index] ?? false
    const path = `${prefix}${name}`
    const seen = { path, type, mode, mtimeNs, sizeBytes: type === 'file' ? look.sizeBytes : 0 }
    const own = ownOf(look)
    if (type === 'file') {
      const sha256 = contents ? await contentOf(folder, name) : undefined
      yield { entry: { ...seen, ...(sha256 !== undefined && { sha256 }) }, own }
    } else if (type === 'symlink') yield { entry: { ...seen, linkTarget: folder.linkTarget(name) ?? '' }, own }
    else if (type !== 'folder') yield { entry: seen, own }
    else {
      yield { entry: { ...seen, ...(isLocked && { isOpaque: !transparent.has(name) }) }, own }
      using child = folder.folder(name)
      if (child) yield* entriesOf(child, { prefix: `${path}/`, contents, isBelowLocked: isLocked })
    }
  }
}

/** To lend rights is a change, too: of what they are lent for the time of the last one tells nothing. */
function ownOf(entry: Entry): readonly string[] {
  return lacksRights(entry) ? [String(entry.inode)] : [String(entry.inode), String(entry.ctimeNs)]
}

/** undefined for a file that was taken away meanwhile. */
async function contentOf(folder: Folder, name: string): Promise<string | undefined> {
  using file = folder.file(name)
  if (file === undefined) return undefined
  const hash = createHash('sha256')
  for await (const chunk of file.chunks()) hash.update(chunk)
  return hash.digest('hex')
}
