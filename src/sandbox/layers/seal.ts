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

/** Lays the sealed layers into the lowest of them. Entries move, nothing is copied. */
export async function squashSealed(stack: OverlayStack): Promise<OverlayStack> {
  const { directory } = stack
  for (;;) {
    const sealed = await sealedLayers(directory)
    const [under, over] = sealed.slice(-2)
    if (under === undefined || over === undefined) return { ...stack, form: { ...stack.form, sealed } }
    {
      using lower = Folder.open(path.join(directory, under))
      using upper = Folder.open(path.join(directory, over))
      await moveInto(upper, lower)
    }
    rmdirSync(path.join(directory, over))
  }
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
