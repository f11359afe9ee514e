/**
 * Takes changes over into the original. Each entry is put there as a whole or not at all; what was put there is recorded, so that
 * it does not look like somebody else's change afterwards.
 */
import { BottleError } from '../../core/errors.ts'
import { readAppliedTimes, writeAppliedTimes } from './applied-times.ts'
import type { Change } from './change.ts'
import { type Entry, Folder } from './folder.ts'
import type { LayerStack } from './layer-stack.ts'
import { type FoundChange, listChanges } from './list-changes.ts'
import { asChangedMeanwhile } from './meanwhile.ts'
import { putEntry } from './put-entry.ts'
import { removeEntry } from './remove-entry.ts'

/**
 * `isWanted` is asked for each change as it is found now. Resolves to those that were taken over. Throws BottleError `conflict`
 * for an entry that changes while it is read; what was taken over before stays.
 */
export async function applyChanges(
  stack: LayerStack,
  isWanted: (change: Change) => boolean,
): Promise<readonly Change[]> {
  const applied = await readAppliedTimes(stack.directory)
  const done: Change[] = []
  const closedFolders: { readonly path: string; readonly mode: number }[] = []
  using root = Folder.open(stack.originalPath)
  try {
    for await (const found of listChanges(stack, { applied })) {
      if (found.change.obstacle !== undefined || !isWanted(found.change)) continue
      using target = folderAt(root, found.change.path)
      await applyOne(found, target).catch((error: unknown) => {
        throw asChangedMeanwhile(error, `${found.change.path} could not be applied`)
      })
      closedFolders.push(...closedFolder(found))
      const now = target.look(found.name)
      if (now) applied.set(found.change.path, now.ctimeNs)
      done.push(found.change)
    }
    for (const { path, mode } of closedFolders) {
      using parent = folderAt(root, path)
      using folder = parent.folder(path.slice(path.lastIndexOf('/') + 1))
      folder?.setMode(mode)
    }
  } finally {
    await writeAppliedTimes(stack.directory, applied)
  }
  return done
}

async function applyOne({ name, layer, entry }: FoundChange, target: Folder): Promise<void> {
  if (entry === undefined) await removeEntry(target, name)
  else await putEntry({ from: layer, to: target, name, entry: { ...entry, mode: openMode(entry) } })
}

/** What is in a folder is put there later: until then it must take entries. */
function openMode({ type, mode }: Entry): number {
  return type === 'folder' ? mode | 0o700 : mode
}

function closedFolder({ change: { path }, entry }: FoundChange): readonly { path: string; mode: number }[] {
  return entry && openMode(entry) !== entry.mode ? [{ path, mode: entry.mode & 0o777 }] : []
}

/** The folder that holds the path, by no symlink. Throws BottleError `conflict` where there is none. */
export function folderAt(root: Folder, file: string): Folder {
  const parts = file.split('/').slice(0, -1)
  let folder = Folder.open(root.path)
  for (const part of parts) {
    const next = folder.folder(part)
    folder[Symbol.dispose]()
    if (next === undefined) {
      throw new BottleError('conflict', `${file} has no folder to lie in`, {
        hint: 'Somebody else removed the folder, or something else has its name: name other paths.',
      })
    }
    folder = next
  }
  return folder
}
