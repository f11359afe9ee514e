/**
 * A writable layer over a directory that is never written to: what a bottle's program does to its workspace and its home lands
 * here, and `diff`, `apply` and `discard` read it from here.
 *
 * One folder of the bottle's directory holds a stack (`instances/ID/layers/workspace`, `…/home`):
 *
 *     stack.json   what this file reads and writes
 *     upper/       overlay: what changed, as the kernel writes it (whiteouts, opaque folders); the only layer that is written to
 *     work/        overlay: the kernel's own
 *     merged/      overlay: where it is mounted, in the mount namespace of the bottle's holder only
 *     sealed-N/    overlay: former upper layers, which nothing changes any more
 *     tree/        copy: a whole copy of the original, with the changes
 *     folders.json copy: the folders that it was made with
 *
 * **Invariant** The original is only ever changed by `apply`.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { BottleError } from '../../core/errors.ts'
import type { HolderReference } from '../bubblewrap/process-identity.ts'

export type StackName = 'workspace' | 'home'

export interface LayerStack {
  /** The folder that holds it. */
  readonly directory: string
  readonly originalPath: string
  /** What the original's entries have a later change time (ctime) than was changed by somebody else since the bottle began. */
  readonly openedNs: bigint
  readonly form: OverlayForm | CopyForm
}

export interface OverlayForm {
  readonly kind: 'overlay'
  /** Names of the sealed layers in the stack's folder, the one that lies on the original first. Read from there, not recorded. */
  readonly sealed: readonly string[]
  /** In whose mount namespace it is mounted, as long as that process lives; null before the first mount. */
  readonly holder: HolderReference | null
}

export interface CopyForm {
  readonly kind: 'copy'
  /** Why it is no overlay, as a part of a sentence; null where a copy was asked for. */
  readonly because: string | null
  /** What the copy's entries have no later change time (ctime) than is as it was copied. */
  readonly copiedNs: bigint
}

/** The layers of an overlay as folders, the one that is written to first, the original last. */
export function layerPaths({ directory, originalPath, form }: LayerStack & { readonly form: OverlayForm }): string[] {
  const sealed = form.sealed.map((name) => path.join(directory, name)).reverse()
  return [path.join(directory, 'upper'), ...sealed, originalPath]
}

/** The folder on the host that takes the program's writes. */
export function writtenPath({ directory, form }: Pick<LayerStack, 'directory' | 'form'>): string {
  return path.join(directory, form.kind === 'overlay' ? 'upper' : 'tree')
}

export function mergedPath(directory: string): string {
  return path.join(directory, 'merged')
}

export function stackDirectory(bottleDirectory: string, name: StackName): string {
  return path.join(bottleDirectory, 'layers', name)
}

/** Replaces what was recorded before in one step, so that no reader ever sees half of it. */
export async function writeStack(stack: LayerStack): Promise<void> {
  const { directory, ...recorded } = stack
  const text = JSON.stringify({ version: stackVersion, ...recorded }, (key, value) => {
    if (key === 'sealed') return undefined
    return typeof value === 'bigint' ? String(value) : value
  })
  const temporary = path.join(directory, `.stack.json.${randomUUID()}`)
  await writeFile(temporary, text, { mode: 0o600, flush: true })
  await rename(temporary, path.join(directory, 'stack.json'))
}

/** undefined where the bottle has no such stack. Throws BottleError `conflict` for one of a newer version. */
export async function readStack(directory: string): Promise<LayerStack | undefined> {
  const text = await readFile(path.join(directory, 'stack.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const { version, openedNs, form, ...rest } = JSON.parse(text) as RecordedStack // written by `writeStack`
  if (version !== stackVersion) {
    throw new BottleError('conflict', `the layers in ${directory} are of version ${version}, this is ${stackVersion}`, {
      hint: 'Use the version of bot-bottle that started the bottle, or a newer one.',
    })
  }
  return {
    directory,
    ...rest,
    openedNs: BigInt(openedNs),
    form:
      form.kind === 'overlay'
        ? { ...form, sealed: await sealedLayers(directory) }
        : { ...form, copiedNs: BigInt(form.copiedNs) },
  }
}

/** In their order: a layer is sealed by a rename, and nothing else is to be kept in step with that. */
export async function sealedLayers(directory: string): Promise<readonly string[]> {
  const numbers = (await readdir(directory)).flatMap((name) => {
    const found = /^sealed-([1-9][0-9]*)$/.exec(name)
    return found ? [Number(found[1])] : []
  })
  return numbers.sort((a, b) => a - b).map((number) => `sealed-${number}`)
}

const stackVersion = 1

interface RecordedStack {
  readonly version: number
  readonly originalPath: string
  readonly openedNs: string
  readonly form: Omit<OverlayForm, 'sealed'> | (Omit<CopyForm, 'copiedNs'> & { readonly copiedNs: string })
}

/** Now, by the clock that the kernel stamps changes of files with. It is behind the system's by up to a tick. */
export async function changeTimeNow(directory: string): Promise<bigint> {
  const file = path.join(directory, `.now.${randomUUID()}`)
  await writeFile(file, '', { flag: 'wx', mode: 0o600 })
  const { ctimeNs } = await stat(file, { bigint: true })
  await rm(file)
  return ctimeNs
}

export async function makeStackDirectory(bottleDirectory: string, name: StackName): Promise<string> {
  const directory = stackDirectory(bottleDirectory, name)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return directory
}
