/** Removes what a bottle wrote: also out of folders that it took its own rights from, and never through a symlink (S12). */
import { rmdirSync, unlinkSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Folder } from './folder.ts'

/** After so many entries others get their turn: the controller serves its bottles meanwhile. */
const entriesPerTurn = 64

/** Resolves when nothing has the path. */
export async function removeTree(file: string): Promise<void> {
  using parent = Folder.open(path.dirname(file))
  await removeEntry(parent, path.basename(file))
}

/** Resolves when nothing has the name. */
export async function removeEntry(parent: Folder, name: string): Promise<void> {
  const entry = parent.look(name)
  if (entry === undefined) return
  if (entry.type !== 'folder') return unlessGone(() => unlinkSync(parent.at(name)))
  using folder = parent.folder(name)
  // Something else by now: so the folder is gone.
  if (folder === undefined) return removeEntry(parent, name)
  if ((entry.mode & 0o700) !== 0o700) folder.setMode(0o700)
  for (const [index, child] of (unlessGone(() => folder.names()) ?? []).entries()) {
    if (index % entriesPerTurn === 0) await nextTurn()
    await removeEntry(folder, child)
  }
  unlessGone(() => rmdirSync(parent.at(name)))
}

/** Others may remove the same at the same time: a kill, and the end of the program that it killed. */
function unlessGone<Result>(work: () => Result): Result | undefined {
  try {
    return work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
