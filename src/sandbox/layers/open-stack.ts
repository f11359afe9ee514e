/** Makes a bottle's writable layer: an overlay where somebody can mount it and the kernel lets them, a copy elsewhere. */
import { chmod, mkdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { BottleError } from '../../core/errors.ts'
import type { HolderReference } from '../bubblewrap/process-identity.ts'
import { isWithin } from '../path-within.ts'
import { recordCopiedFolders } from './copied-folders.ts'
import { copyTree } from './copy-tree.ts'
import {
  changeTimeNow,
  type LayerStack,
  layerPaths,
  makeStackDirectory,
  mergedPath,
  type StackName,
  writeStack,
} from './layer-stack.ts'

export type MountOutcome =
  | { readonly kind: 'mounted'; readonly holder: HolderReference }
  /** `because`: a part of a sentence. */
  | { readonly kind: 'refused'; readonly because: string }

/** Mounts the layers of a folder, the one that is written to first, at its `merged`. */
export type MountOverlay = (directory: string, layers: readonly string[]) => Promise<MountOutcome>

export interface StackRequest {
  readonly bottleDirectory: string
  readonly name: StackName
  /** Absolute, without symlinks. */
  readonly originalPath: string
  /** undefined: a copy is wanted. */
  readonly mount: MountOverlay | undefined
}

export interface OpenedStack {
  readonly stack: LayerStack
  /** Where the program is to work: a path in the holder's mount namespace for an overlay, of the host for a copy. */
  readonly writablePath: string
}

/** Throws BottleError `sandbox_failed` when neither works. */
export async function openStack({ bottleDirectory, name, originalPath, mount }: StackRequest): Promise<OpenedStack> {
  const directory = await makeStackDirectory(bottleDirectory, name)
  const openedNs = await changeTimeNow(directory)
  const refused = mount && (await nestedMountReason(originalPath))
  const mounted = mount && refused === undefined ? await mountNew(directory, { originalPath, mount }) : undefined
  if (mounted?.kind === 'mounted') {
    const { holder } = mounted
    const stack = { directory, originalPath, openedNs, form: { kind: 'overlay', sealed: [], holder } } as const
    await writeStack(stack)
    return { stack, writablePath: mergedPath(directory) }
  }
  const tree = path.join(directory, 'tree')
  await copyTree(originalPath, tree)
  await recordCopiedFolders(directory)
  const because = refused ?? mounted?.because ?? null
  const copiedNs = await changeTimeNow(directory)
  const stack = { directory, originalPath, openedNs, form: { kind: 'copy', because, copiedNs } } as const
  await writeStack(stack)
  return { stack, writablePath: tree }
}

/** Mounts an overlay again after its holder is gone, in the new one's namespace. Throws BottleError `sandbox_failed`. */
export async function mountStack(stack: LayerStack, mount: MountOverlay): Promise<OpenedStack> {
  const { directory, form } = stack
  if (form.kind === 'copy') return { stack, writablePath: path.join(directory, 'tree') }
  await makeFolders(directory, stack.originalPath)
  const outcome = await mount(directory, layerPaths({ ...stack, form }))
  if (outcome.kind === 'refused') {
    throw new BottleError('sandbox_failed', `the layers in ${directory} could not be mounted: ${outcome.because}`, {
      hint: 'Look with `bot-bottle doctor` at what has changed on this host.',
    })
  }
  const mounted = { ...stack, form: { ...form, holder: outcome.holder } }
  await writeStack(mounted)
  return { stack: mounted, writablePath: mergedPath(directory) }
}

async function mountNew(
  directory: string,
  { originalPath, mount }: { readonly originalPath: string; readonly mount: MountOverlay },
): Promise<MountOutcome> {
  await makeFolders(directory, originalPath)
  const outcome = await mount(directory, [path.join(directory, 'upper'), originalPath])
  if (outcome.kind === 'refused') {
    for (const name of overlayFolders) await rm(path.join(directory, name), { recursive: true })
  }
  return outcome
}

const overlayFolders = ['upper', 'work', 'merged'] as const

/** Those that are missing: all at first, `upper` after it was sealed. */
async function makeFolders(directory: string, originalPath: string): Promise<void> {
  for (const name of overlayFolders) await mkdir(path.join(directory, name), { recursive: true })
  // The root of an overlay has the rights of its upper layer.
  await chmod(path.join(directory, 'upper'), (await stat(originalPath)).mode & 0o777)
}

/** An overlay shows the empty folder below a mount point: what lies there would be missing. */
export async function nestedMountReason(originalPath: string): Promise<string | undefined> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8')
  const nested = mounts
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .find((point) => point !== originalPath && isWithin(point, originalPath))
  return nested === undefined ? undefined : `${nested} is a mount of its own`
}

/** As the kernel writes blanks and backslashes in mount points: `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
