/**
 * What a bottle changed, read from its layers as they lie on the disk: no mount, no program of the bottle, no git, filter or hook
 * (S11), and no symlink that it planted (S12). While it runs, this may be a mixture of then and now.
 */
import { existsSync } from 'node:fs'
import { BottleError, messageOf } from '../../core/errors.ts'
import type { AppliedTimes } from './applied-times.ts'
import { type Change, type Obstacle, sideOf } from './change.ts'
import { readCopiedFolders } from './copied-folders.ts'
import { type Entry, Folder } from './folder.ts'
import { type LayerStack, layerPaths, writtenPath } from './layer-stack.ts'
import { asChangedMeanwhile } from './meanwhile.ts'
import { type Place, type Seen, seenIn } from './merged-place.ts'
import { hasSameContent } from './same-content.ts'

/** Folders in folders: each holds descriptors open while we are in it. */
const maxDepth = 200

export interface ListOptions {
  /** What `apply` wrote to the original, which so is nobody else's change. */
  readonly applied: AppliedTimes
}

/** A change, and where its two sides lie: valid until the next one is asked for. */
export interface FoundChange {
  readonly change: Change
  readonly name: string
  /** The layer that has the entry, or hides it; for an overlay of one layer always that which is written to. */
  readonly layer: Folder
  /** The same folder in all layers that count there, the top one first. */
  readonly layers: readonly Folder[]
  /** The entry as it was found in the layer; undefined where the layers have none. */
  readonly entry: Entry | undefined
  readonly original: Folder | undefined
  readonly originalEntry: Entry | undefined
  /** The bottle would see the original's entry if no layer had one. */
  readonly showsOriginal: boolean
}

/** Folders before what is in them, in the order of the names. Throws BottleError `not_found` when the original is gone. */
export async function* listChanges(stack: LayerStack, { applied }: ListOptions): AsyncGenerator<FoundChange> {
  using opened = new DisposableStack()
  const { form, openedNs } = stack
  const written = form.kind === 'overlay' ? layerPaths({ ...stack, form }).slice(0, -1) : [writtenPath(stack)]
  // Of a frozen bottle all that was written is sealed: the next layer begins with its resume.
  const layers = written.filter((layer) => existsSync(layer))
  const original = opened.use(openOriginal(stack))
  const tops = layers.map((layer) => opened.use(Folder.open(layer)))
  const copied = form.kind === 'copy' ? await readCopiedFolders(stack.directory) : undefined
  const past: Past = {
    isMoved: (path, { inode }) => copied !== undefined && copied.get(path) !== String(inode),
    isTouched: ({ ctimeNs }) => form.kind === 'overlay' || ctimeNs > form.copiedNs,
    isForeign: (path, { ctimeNs }) => ctimeNs > openedNs && applied.get(path) !== ctimeNs,
    isYounger: ({ birthNs }) => birthNs > openedNs,
  }
  try {
    yield* changesIn(
      { path: '', depth: 0, isMoved: false, tops, original, showsOriginal: form.kind === 'overlay' },
      past,
    )
  } catch (error) {
    throw asChangedMeanwhile(error, 'the layer could not be read')
  }
}

function openOriginal({ originalPath }: LayerStack): Folder {
  try {
    return Folder.open(originalPath)
  } catch (cause) {
    throw new BottleError('not_found', `the directory ${originalPath} cannot be opened: ${messageOf(cause)}`, {
      hint: 'The changes are told against it: move it back to where it was.',
      cause,
    })
  }
}

/** What can be known of the time since the bottle began. */
interface Past {
  /** A folder of a layer was not here when the bottle began: what is in it came with it, whenever it was touched last. */
  isMoved(path: string, entry: Entry): boolean
  /** The bottle may have changed this entry of a layer. */
  isTouched(entry: Entry): boolean
  /** Somebody else has changed this entry of the original. */
  isForeign(path: string, entry: Entry): boolean
  /** This entry of the original was not there when the bottle began. */
  isYounger(entry: Entry): boolean
}

interface PlaceAt extends Place {
  /** '' or with a slash at its end. */
  readonly path: string
  readonly depth: number
  /** It, or a folder that it lies in, was moved here. */
  readonly isMoved: boolean
}

async function* changesIn(place: PlaceAt, past: Past): AsyncGenerator<FoundChange> {
  const { original, showsOriginal } = place
  const seen = await seenIn(place)
  const others = showsOriginal || !original ? [] : original.names().filter((name) => !seen.has(name))
  for (const name of [...seen.keys(), ...others].sort()) {
    const found = original?.look(name)
    const before = found?.type === 'whiteout' ? undefined : found
    const here = { place, name, path: place.path + name, before, past }
    const layered = seen.get(name)
    if (layered && layered.entry.type !== 'whiteout') yield* changesOf({ ...here, seen: layered })
    else if (before && (layered || wasSeen(here, before))) yield change(here, { after: undefined })
  }
}

interface Here {
  readonly place: PlaceAt
  readonly name: string
  readonly path: string
  readonly before: Entry | undefined
  readonly past: Past
}

/** Whether the bottle saw it, and so has deleted it: not what came later, nor what could not be copied. */
function wasSeen({ place, name, past }: Here, before: Entry): boolean {
  if (past.isYounger(before)) return false
  using held = place.original?.hold(name)
  return before.type === 'symlink' || held?.isReadable === true
}

async function* changesOf(here: Here & { readonly seen: Seen }): AsyncGenerator<FoundChange> {
  const { place, name, before, past, seen } = here
  const { entry } = seen
  if (entry.type === 'folder') return yield* folderChanges(here)
  if (!place.isMoved && !past.isTouched(entry)) return
  if (entry.type === 'special') return yield change(here, { after: entry, obstacle: 'special' })
  if (before === undefined || before.type !== entry.type) return yield change(here, { after: entry })
  if (entry.type === 'symlink') {
    if (seen.top.linkTarget(name) !== place.original?.linkTarget(name)) yield change(here, { after: entry })
    return
  }
  const isSame = (before.mode & 0o777) === (entry.mode & 0o777) && (await sameContent(seen.top, place.original, name))
  if (isSame !== true) yield change(here, { after: entry, ...(isSame === undefined && { obstacle: 'unreadable' }) })
}

/** undefined: we may not read it. */
async function sameContent(top: Folder, original: Folder | undefined, name: string): Promise<boolean | undefined> {
  try {
    return original !== undefined && (await hasSameContent(top, original, name))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return undefined
    throw error
  }
}

async function* folderChanges(here: Here & { readonly seen: Seen }): AsyncGenerator<FoundChange> {
  const { place, name, path, before, past, seen } = here
  const { entry, showsOriginal } = seen
  using opened = new DisposableStack()
  const tops = seen.folderTops.flatMap((top) => opened.use(top.folder(name)) ?? [])
  const original = opened.use(before?.type === 'folder' ? place.original?.folder(name) : undefined)
  const isMoved = place.isMoved || past.isMoved(path, entry)
  const isTouched = isMoved || past.isTouched(entry)
  const isDeep = place.depth >= maxDepth
  if (isDeep || !tops.every(isReadable) || original?.isReadable === false) {
    if (isTouched) yield change(here, { after: entry, obstacle: isDeep ? 'too deep' : 'unreadable' })
    return
  }
  const isNewInPlace = before !== undefined && before.type !== 'folder'
  const isModeNew = before?.type === 'folder' && (before.mode & 0o777) !== (entry.mode & 0o777)
  if (isTouched && (before === undefined || isNewInPlace || isModeNew)) yield change(here, { after: entry })
  const below = { path: `${path}/`, depth: place.depth + 1, isMoved, tops, original, showsOriginal }
  if (tops.length > 0) yield* changesIn(below, past)
}

function isReadable(folder: Folder): boolean {
  return folder.isReadable
}

function change(
  { place, name, path, before, past, seen }: Here & { readonly seen?: Seen },
  { after, obstacle }: { readonly after: Entry | undefined; readonly obstacle?: Obstacle },
): FoundChange {
  const kind = before === undefined ? 'added' : after === undefined ? 'deleted' : 'modified'
  const change: Change = {
    path,
    kind,
    before: before ? sideOf(before, place.original?.linkTarget(name)) : null,
    after: after ? sideOf(after, seen?.top.linkTarget(name)) : null,
    isConflict: before !== undefined && isForeign({ place, name, path, past }, { before, after }),
    ...(obstacle !== undefined && { obstacle }),
  }
  const { original, showsOriginal } = place
  const layer = seen?.top ?? present(place.tops[0])
  return { change, name, layer, layers: place.tops, entry: after, original, originalEntry: before, showsOriginal }
}

/** A folder that goes is looked at with all that is in it; one that stays may have new entries of somebody else's. */
function isForeign(
  { place, name, path, past }: Pick<Here, 'place' | 'name' | 'path' | 'past'>,
  { before, after }: { readonly before: Entry; readonly after: Entry | undefined },
): boolean {
  if (before.type !== 'folder') return past.isForeign(path, before)
  if (after?.type === 'folder') return false
  using folder = place.original?.folder(name)
  return folder !== undefined && holdsForeign(folder, { path: `${path}/`, past, depth: place.depth })
}

function holdsForeign(
  folder: Folder,
  { path, past, depth }: { readonly path: string; readonly past: Past; readonly depth: number },
): boolean {
  if (!folder.isReadable || depth >= maxDepth) return true
  return folder.names().some((name) => {
    const entry = folder.look(name)
    if (entry === undefined) return false
    using child = entry.type === 'folder' ? folder.folder(name) : undefined
    if (child) return holdsForeign(child, { path: `${path}${name}/`, past, depth: depth + 1 })
    return past.isForeign(path + name, entry)
  })
}

function present(folder: Folder | undefined): Folder {
  if (folder === undefined) throw new Error('a place lies in no layer')
  return folder
}
