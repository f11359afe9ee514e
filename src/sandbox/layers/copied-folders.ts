/**
 * Which folders a copy was made with, by their inodes: what is in a folder that was moved keeps its change times, and so looks as if
 * the bottle had not touched it.
 */
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Folder } from './folder.ts'

const fileName = 'folders.json'

export async function recordCopiedFolders(directory: string): Promise<void> {
  const inodes = new Map<string, string>()
  using tree = Folder.open(path.join(directory, 'tree'))
  collect(tree, { prefix: '', inodes })
  await writeFile(path.join(directory, fileName), JSON.stringify([...inodes]), { mode: 0o600 })
}

/** Path → inode. */
export async function readCopiedFolders(directory: string): Promise<ReadonlyMap<string, string>> {
  // Written above.
  return new Map(JSON.parse(await readFile(path.join(directory, fileName), 'utf8')) as [string, string][])
}

function collect(
  folder: Folder,
  { prefix, inodes }: { readonly prefix: string; readonly inodes: Map<string, string> },
) {
  if (!folder.isReadable) return
  for (const name of folder.names()) {
    using child = folder.folder(name)
    if (child === undefined) continue
    inodes.set(prefix + name, String(child.entry().inode))
    collect(child, { prefix: `${prefix}${name}/`, inodes })
  }
}
