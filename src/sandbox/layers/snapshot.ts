/**
 * What a bottle wrote, as one thing that can be kept: hashed while its processes are stopped, sealed once they are gone, and found
 * to be the same when it is taken up again.
 */
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { BottleError } from '../../core/errors.ts'
import { hashLayer, type LayerHash } from './hash-layer.ts'
import { readStack, type StackName, stackDirectory, writtenPath } from './layer-stack.ts'
import { sealWritten, squashSealed } from './seal.ts'

const run = promisify(execFile)

export interface LayerSnapshot extends LayerHash {
  readonly name: StackName
  /** `overlay`: of what was written since the last freeze. `copy`: of the whole copy. */
  readonly kind: 'overlay' | 'copy'
}

const stackNames: readonly StackName[] = ['workspace', 'home']
/** More of them make every look at a file slower. */
const maxSealedLayers = 8

/** Of a bottle that changes nothing meanwhile. Durable when it resolves. */
export async function snapshotLayers(bottleDirectory: string): Promise<readonly LayerSnapshot[]> {
  const snapshots: LayerSnapshot[] = []
  for (const stack of await stacksOf(bottleDirectory)) {
    const { kind } = stack.form
    snapshots.push({ name: stack.name, kind, ...(await hashLayer(writtenPath(stack))) })
  }
  // One call for all files: a sync of each would take as long as its disk for each.
  await run('sync', ['--file-system', bottleDirectory])
  return snapshots
}

/** Once nothing of the bottle lives. Goes on where a crash interrupted it, and does nothing where it was done before. */
export async function sealLayers(bottleDirectory: string): Promise<void> {
  for (const { name: _, ...stack } of await stacksOf(bottleDirectory)) {
    const { form } = stack
    if (form.kind !== 'overlay' || !(await isThere(writtenPath(stack)))) continue
    // The older ones only: the hash of the new one was taken.
    const older = form.sealed.length > maxSealedLayers ? await squashSealed({ ...stack, form }) : { ...stack, form }
    await sealWritten(older)
  }
}

/** Throws BottleError `conflict` when what was sealed last is not what was hashed. */
export async function checkSealed(bottleDirectory: string, snapshots: readonly LayerSnapshot[]): Promise<void> {
  for (const { name, ...stack } of await stacksOf(bottleDirectory)) {
    const { form } = stack
    const top = form.kind === 'copy' ? 'tree' : form.sealed.at(-1)
    const expected = snapshots.find((snapshot) => snapshot.name === name)
    const found = top === undefined ? undefined : await hashLayer(path.join(stack.directory, top))
    if (expected?.sha256 !== found?.sha256) {
      throw new BottleError('conflict', `the frozen ${name} in ${stack.directory} was changed since it was frozen`, {
        hint: 'Look at what it holds; "bot-bottle kill" removes it.',
      })
    }
  }
}

async function stacksOf(bottleDirectory: string) {
  const stacks = await Promise.all(
    stackNames.map(async (name) => {
      const stack = await readStack(stackDirectory(bottleDirectory, name))
      return stack && { ...stack, name }
    }),
  )
  return stacks.filter((stack) => stack !== undefined)
}

function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
