/** What a layer holds, entry by entry, and one hash of all of it: two layers with the same hash show the same files. */
import { createHash } from 'node:crypto'
import { type EntryType, Folder } from './folder.ts'
import { lendRights } from './lend-rights.ts'
import { transparentFolders } from './opaque-folders.ts'

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
  /** Over the entries in their order, in hex. */
  readonly sha256: string
  readonly entries: number
  readonly bytes: number
}

export async function hashLayer(directory: string): Promise<LayerHash> {
  const hash = createHash('sha256')
  let entries = 0
  let bytes = 0
  for await (const entry of layerEntries(directory)) {
    hash.update(`${JSON.stringify({ ...entry, mtimeNs: String(entry.mtimeNs) })}\n`)
    entries++
    bytes += entry.sha256 === undefined ? 0 : entry.sizeBytes
  }
  return { sha256: hash.digest('hex'), entries, bytes }
}

/** Parents before what is in them, in the order of the names. Every entry of the layer, whiteouts too. */
export async function* layerEntries(directory: string): AsyncGenerator<LayerEntry> {
  using root = Folder.open(directory)
  yield* entriesOf(root, '')
}

async function* entriesOf(folder: Folder, prefix: string): AsyncGenerator<LayerEntry> {
  const names = folder.names()
  // As the bottle left them: the next line may change modes for as long as we read.
  const looks = names.map((name) => folder.look(name))
  using _rights = lendRights(folder, names)
  const transparent = await transparentFolders(folder, names)
  for (const [index, name] of names.entries()) {
    const entry = looks[index]
    if (entry === undefined) continue
    const { type, mode, mtimeNs } = entry
    const path = `${prefix}${name}`
    const seen = { path, type, mode, mtimeNs, sizeBytes: 0 }
    if (type === 'file') yield { ...seen, ...(await contentOf(folder, name)) }
    else if (type === 'symlink') yield { ...seen, linkTarget: folder.linkTarget(name) ?? '' }
    else if (type !== 'folder') yield seen
    else {
      yield { ...seen, isOpaque: !transparent.has(name) }
      using child = folder.folder(name)
      if (child) yield* entriesOf(child, `${path}/`)
    }
  }
}

/** Empty for a file that was taken away meanwhile. */
async function contentOf(folder: Folder, name: string): Promise<{ sha256?: string; sizeBytes?: number }> {
  using file = folder.file(name)
  if (file === undefined) return {}
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of file.chunks()) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}
