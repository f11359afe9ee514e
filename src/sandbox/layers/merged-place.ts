/** One folder through all layers of a stack, put together as the kernel does it: the topmost entry of a name counts. */
import type { Entry, Folder } from './folder.ts'
import { transparentFolders } from './opaque-folders.ts'

export interface Place {
  /** The folder in the layers that have it and are not hidden, the top one first. Not empty. */
  readonly tops: readonly Folder[]
  /** The same in the original; undefined where that has none. */
  readonly original: Folder | undefined
  /** Whether the bottle sees in the original what no layer has. */
  readonly showsOriginal: boolean
}

export interface Seen {
  readonly entry: Entry
  /** The layer that the entry is in. */
  readonly top: Folder
  /** Of a folder: the layers that its content is in. */
  readonly folderTops: readonly Folder[]
  readonly showsOriginal: boolean
}

/** What the layers have, whiteouts too, by name. */
export async function seenIn({ tops, original, showsOriginal }: Place): Promise<ReadonlyMap<string, Seen>> {
  const seen = new Map<string, Seen>()
  for (const [index, top] of tops.entries()) {
    const below = [...tops.slice(index + 1), ...(showsOriginal && original ? [original] : [])]
    const names = top.names()
    const transparent = await transparentFolders(
      top,
      names.filter((name) => below.some((folder) => folder.look(name)?.type === 'folder')),
    )
    for (const name of names) {
      const entry = top.look(name)
      const above = seen.get(name)
      const isHidden = above !== undefined && !above.showsOriginal
      if (entry === undefined || isHidden) continue
      const isFolder = entry.type === 'folder'
      seen.set(name, {
        entry: above?.entry ?? entry,
        top: above?.top ?? top,
        folderTops: isFolder ? [...(above?.folderTops ?? []), top] : (above?.folderTops ?? []),
        showsOriginal: isFolder && transparent.has(name),
      })
    }
  }
  return seen
}
