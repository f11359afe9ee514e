/**
 * Seals what was written into an overlay, and makes one layer of several. Only for stacks that are mounted nowhere.
 *
 * Whatever happens half-way (a crash, a full disk), the layers together show the same files as before, and the same call goes on.
 */
import { renameSync, rmdirSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import path from 'node:path'
import { Folder } from './folder.ts'
import { type LayerStack, type OverlayForm, sealedLayers } from './layer-stack.ts'
import { lendRights } from './lend-rights.ts'
import { transparentFolders } from './opaque-folders.ts'
import { removeEntry } from './remove-entry.ts'

export type OverlayStack = LayerStack & { readonly form: OverlayForm }

/** What was written until now becomes the top one of the sealed layers; the next mount begins a new one. */
export async function sealWritten(stack: OverlayStack): Promise<OverlayStack> {
  const { directory } = stack
  const last = (await sealedLayers(directory)).at(-1) ?? 'sealed-0'
  const name = `sealed-${Number(last.slice('sealed-'.length)) + 1}`
  await rename(path.join(directory, 'upper'), path.join(directory, name))
  return { ...stack, form: { ...stack.form, sealed: await sealedLayers(directory) } }
}

/** Makes as few of the sealed layers as can show the same. Entries move, nothing is copied. */
export async function squashSealed(stack: OverlayStack): Promise<OverlayStack> {
  const { directory } = stack
  const sealed = await sealedLayers(directory)
  for (let top = sealed.length - 1; top > 0; top--) {
    const [under = '', over = ''] = sealed.slice(top - 1, top + 1)
    using lower = Folder.open(path.join(directory, under))
    using upper = Folder.open(path.join(directory, over))
    if (!(await canBeOne(upper, lower))) continue
    await moveInto(upper, lower)
    rmdirSync(path.join(directory, over))
  }
  return { ...stack, form: { ...stack.form, sealed: await sealedLayers(directory) } }
}

/**
 * False where a folder took the place of something that the layer below had removed. The kernel gives such a folder no mark: what is
 * farther down is hidden by the layer between alone, and Node can set no mark either.
 */
async function canBeOne(above: Folder, below: Folder): Promise<boolean> {
  const names = above.names().filter((name) => above.look(name)?.type === 'folder' && below.look(name) !== undefined)
  using _rights = lendRights(above, names)
  using _rightsBelow = lendRights(below, names)
  for (const name of await transparentFolders(above, names)) {
    using upper = present(above.folder(name))
    using lower = below.folder(name)
    if (!lower || !(await canBeOne(upper, lower))) return false
  }
  return true
}

/** Safety: an entry below is removed only while the one above hides it. */
async function moveInto(above: Folder, below: Folder): Promise<void> {
  const names = above.names()
  const folders = names.filter((name) => below.look(name)?.type === 'folder')
  const entries = new Map(names.map((name) => [name, present(above.look(name))]))
  using _rights = lendRights(above, names)
  const merged = await transparentFolders(above, folders)
  for (const [name, { mode, mtimeNs }] of entries) {
    if (!merged.has(name)) {
      await removeEntry(below, name)
      renameSync(above.at(name), below.at(name))
      continue
    }
    using upper = present(above.folder(name))
    using lower = present(below.folder(name))
    lower.setMode(0o700)
    await moveInto(upper, lower)
    lower.setTimes(mtimeNs)
    lower.setMode(mode)
    rmdirSync(above.at(name))
  }
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a layer was changed while it was squashed')
  return value
}
