/**
 * Makes a frozen bottle of a file that another host exported: all of it, or nothing. Everything is unpacked and checked in a folder
 * that is no bottle's, which the controller then takes in at one stroke.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BottleView } from '../../controller/api.ts'
import type { ControllerClient } from '../../controller/client.ts'
import { BottleError } from '../../core/errors.ts'
import { parseSnapshotManifest, type SnapshotManifest } from '../../core/snapshot/snapshot-manifest.ts'
import { readArchive } from '../../sandbox/layers/archive.ts'
import { recordCopiedFolders } from '../../sandbox/layers/copied-folders.ts'
import { hashLayer } from '../../sandbox/layers/hash-layer.ts'
import { changeTimeNow, stackDirectory, writeStack } from '../../sandbox/layers/layer-stack.ts'
import { differingFiles } from '../../sandbox/layers/original-files.ts'
import { removeTree } from '../../sandbox/layers/remove-entry.ts'
import { hashSealed, writeSealed } from '../../sandbox/layers/snapshot.ts'

const run = promisify(execFile)

export interface ImportRequest {
  readonly client: ControllerClient
  readonly file: string
  readonly instancesPath: string
  /** In place of its own id. */
  readonly as: string | undefined
  /** In place of the path that its workspace had there; absolute. */
  readonly workspacePath: string | undefined
  /** Whatever the directory holds. */
  readonly isForced: boolean
}

const maxNamedDifferences = 5

export async function importSnapshot(request: ImportRequest): Promise<BottleView> {
  const { client, file, instancesPath, as } = request
  const folder = `.importing-${randomBytes(6).toString('hex')}`
  const unpacked = join(instancesPath, folder)
  await using undo = new AsyncDisposableStack()
  for (const path of ['', 'layers', 'layers/workspace', 'layers/home'])
    await mkdir(join(unpacked, path), { mode: 0o700 })
  undo.defer(() => removeTree(unpacked))
  await readArchive(file, unpacked)
  const found = parseSnapshotManifest(await readFile(join(unpacked, 'manifest.json'), 'utf8').catch(() => ''))
  const manifest = { ...found, bottle: { ...found.bottle, id: as ?? found.bottle.id } }
  await checkLayers(unpacked, manifest)
  await settleWorkspace(unpacked, request)
  await settleLayers(unpacked, { manifest, directory: join(instancesPath, manifest.bottle.id) })
  await writeFile(join(unpacked, 'manifest.json'), JSON.stringify(manifest), { mode: 0o600 })
  await run('sync', ['--file-system', unpacked])
  return await client.takeIn({ folder })
}

/** Nothing but the layers that the manifest names is there, and each is what it was. */
async function checkLayers(unpacked: string, { layers }: SnapshotManifest): Promise<void> {
  for (const stack of ['workspace', 'home'] as const) {
    const named = layers.filter((layer) => layer.stack === stack)
    const there = await readdir(stackDirectory(unpacked, stack))
    const other = there.find((name) => !named.some((layer) => layer.name === name))
    if (other !== undefined) throw damaged(`it holds a layer ${stack}/${other} that it does not name`)
    for (const { name, sha256 } of named) {
      const path = join(stackDirectory(unpacked, stack), name)
      const hash = existsSync(path) ? await hashLayer(path, { contents: true }) : undefined
      if (hash?.sha256 !== sha256) throw damaged(`its layer ${stack}/${name} is not what was exported`)
    }
    if (there.length === 0) await rm(stackDirectory(unpacked, stack), { recursive: true })
  }
}

interface KeptWorkspace {
  readonly kind: 'layer' | 'copy' | 'direct' | 'none'
  readonly path?: string
  readonly shownAt?: string
}

/** The directory that it works on here: the same path as there, or another, which the bottle has at its path of there. */
async function settleWorkspace(unpacked: string, { workspacePath, isForced }: ImportRequest): Promise<void> {
  const startPath = join(unpacked, 'start.json')
  const start = JSON.parse(await readFile(startPath, 'utf8')) as { readonly workspace: KeptWorkspace }
  const { workspace } = start
  if (workspace.kind === 'none' || workspace.path === undefined) return
  const path = await existingDirectory(workspacePath ?? workspace.path)
  const original = join(unpacked, 'original.jsonl')
  if (!isForced && existsSync(original)) await refuseOther(path, original)
  await rm(original, { force: true })
  const shownAt = workspace.shownAt ?? workspace.path
  const isShown = workspace.kind !== 'direct' && shownAt !== path
  const kept = { ...start, projectPath: path, workspace: { kind: workspace.kind, path, ...(isShown && { shownAt }) } }
  await writeFile(startPath, `${JSON.stringify(kept, undefined, 2)}\n`, { mode: 0o600 })
}

async function existingDirectory(path: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined)
  if (real !== undefined && (await stat(real)).isDirectory()) return real
  throw new BottleError('usage', `the bottle works on the directory ${path}, and there is none here`, {
    hint: 'Name the one that it is to work on: --workspace DIR, for instance a clone of the same commit.',
  })
}

async function refuseOther(path: string, original: string): Promise<void> {
  const differing: string[] = []
  for await (const file of differingFiles(path, original)) differing.push(file)
  if (differing.length === 0) return
  const named = differing.slice(0, maxNamedDifferences).map((name) => JSON.stringify(name))
  const more = differing.length > named.length ? ` and ${differing.length - named.length} more` : ''
  throw new BottleError(
    'conflict',
    `${path} is not the directory that the bottle worked on: ${named.join(', ')}${more} differ`,
    {
      hint: 'Check out the same commit and put there what was not in it, or say --force: the bottle sees the directory as it is here.',
    },
  )
}

/** `directory`: where it will be. */
async function settleLayers(
  unpacked: string,
  { manifest: { layers }, directory }: { readonly manifest: SnapshotManifest; readonly directory: string },
): Promise<void> {
  const start = JSON.parse(await readFile(join(unpacked, 'start.json'), 'utf8')) as {
    readonly workspace: KeptWorkspace
  }
  const stacks = (['workspace', 'home'] as const).flatMap((name) => {
    const layer = layers.find((one) => one.stack === name && one.name !== 'first')
    return layer ? [{ name, kind: layer.kind }] : []
  })
  for (const { name, kind } of stacks) {
    const folder = stackDirectory(unpacked, name)
    const originalPath =
      name === 'home' ? join(stackDirectory(directory, 'home'), 'first') : (start.workspace.path ?? '')
    if (kind === 'copy') await recordCopiedFolders(folder)
    const openedNs = await changeTimeNow(folder)
    // Whatever the copy holds was written here just now: contents tell what is a change.
    const form = kind === 'copy' ? { kind, because: null, copiedNs: 0n } : { kind, sealed: [], holder: null }
    await writeStack({ directory: folder, originalPath, openedNs, form })
  }
  const none = { sha256: null, stamp: null, entries: 0, bytes: 0 }
  await writeSealed(
    unpacked,
    stacks.map((stack) => ({ ...stack, ...none })),
  )
  await hashSealed(unpacked)
}

function damaged(why: string): BottleError {
  return new BottleError('usage', `the snapshot is damaged: ${why}`, { hint: 'Export it again.' })
}
