import type { Entry, EntryType, Folder } from './folder.ts'

const neededRights: Readonly<Partial<Record<EntryType, number>>> = { folder: 0o700, file: 0o400 }

/** Whether the bottle took the rights from it that we need to read it. */
export function lacksRights(entry: Entry | undefined): boolean {
  const needed = (entry && neededRights[entry.type]) ?? 0
  return entry !== undefined && (entry.mode & needed) !== needed
}

/**
 * Gives us the rights to read what the bottle took its own rights from, until disposed. Only where nothing is mounted: the
 * bottle would see it.
 */
export function lendRights(parent: Folder, names: readonly string[]): Disposable {
  const lent = new DisposableStack()
  for (const name of names) {
    const entry = parent.look(name)
    if (entry === undefined || !lacksRights(entry)) continue
    const held = lent.use(parent.hold(name))
    held?.setMode(entry.mode | (neededRights[entry.type] ?? 0))
    lent.defer(() => held?.setMode(entry.mode))
  }
  return lent
}
