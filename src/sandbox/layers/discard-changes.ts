/**
 * Takes changes out of the layers again. A mounted overlay must not be changed behind the kernel's back, so what a running bottle
 * sees is changed through its own mount.
 */
import { isAlive } from '../bubblewrap/process-identity.ts'
import { readAppliedTimes } from './applied-times.ts'
import { folderAt } from './apply-changes.ts'
import type { Change } from './change.ts'
import { Folder } from './folder.ts'
import { type LayerStack, mergedPath } from './layer-stack.ts'
import { type FoundChange, listChanges } from './list-changes.ts'
import { asChangedMeanwhile } from './meanwhile.ts'
import { putEntry, putTree } from './put-entry.ts'
import { removeEntry } from './remove-entry.ts'
import { changeSealed } from './snapshot.ts'

/** Resolves to those that were taken out. What is sealed is sealed as it is then. */
export async function discardChanges(
  stack: LayerStack,
  isWanted: (change: Change) => boolean,
): Promise<readonly Change[]> {
  using mounted = openMounted(stack)
  const discard = () => discardThose(stack, { isWanted, mounted })
  return mounted ? await discard() : await changeSealed(stack, discard)
}

async function discardThose(
  stack: LayerStack,
  { isWanted, mounted }: { readonly isWanted: (change: Change) => boolean; readonly mounted: Folder | undefined },
): Promise<readonly Change[]> {
  const { form, directory } = stack
  const done: Change[] = []
  for await (const found of listChanges(stack, { applied: await readAppliedTimes(directory) })) {
    if (!isWanted(found.change)) continue
    try {
      await discardOne(found, { form, mounted })
    } catch (error) {
      throw asChangedMeanwhile(error, `${found.change.path} could not be discarded`)
    }
    done.push(found.change)
  }
  return done
}

async function discardOne(
  found: FoundChange,
  { form, mounted }: { readonly form: LayerStack['form']; readonly mounted: Folder | undefined },
): Promise<void> {
  using target = mounted && folderAt(mounted, found.change.path)
  if (target) return await putBack(found, target)
  if (form.kind === 'copy' || isStillFolder(found.change)) return putBack(found, found.layer)
  for (const layer of found.layers) await removeEntry(layer, found.name)
  const [top] = found.layers
  if (!found.showsOriginal && top) await putBack(found, top)
}

/** It keeps what is in it: each of those is a change of its own. */
function isStillFolder({ before, after }: Change): boolean {
  return before?.type === 'folder' && after?.type === 'folder'
}

function openMounted({ form, directory }: LayerStack): Folder | undefined {
  if (form.kind === 'copy' || form.holder === null || !isAlive(form.holder)) return undefined
  return Folder.open(`/proc/${form.holder.holderPid}/root${mergedPath(directory)}`)
}

async function putBack({ change, name, original, originalEntry }: FoundChange, target: Folder): Promise<void> {
  if (original === undefined || originalEntry === undefined) return removeEntry(target, name)
  const putting = { from: original, to: target, name, entry: originalEntry, keepsTime: true }
  if (isStillFolder(change)) await putEntry(putting)
  else await putTree(putting)
}
