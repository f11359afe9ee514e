/**
 * Writes a frozen bottle into one file, for another host. Nothing of the bottle is changed by it, and it stays frozen here.
 *
 * **Invariant** (I2) No credential is in the file: none is in the bottle's directory, and the environment that a start was given for
 * its credentials was never written there.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ControllerClient } from '../../controller/client.ts'
import { BottleError } from '../../core/errors.ts'
import { type SnapshotManifest, snapshotManifest } from '../../core/snapshot/snapshot-manifest.ts'
import { type Coding, writeArchive } from '../../sandbox/layers/archive.ts'
import { hashLayer } from '../../sandbox/layers/hash-layer.ts'
import { readStack, type StackName, sealedLayers, stackDirectory } from '../../sandbox/layers/layer-stack.ts'
import { writeOriginalFiles } from '../../sandbox/layers/original-files.ts'
import { checkSealed } from '../../sandbox/layers/snapshot.ts'

export interface ExportRequest {
  readonly client: ControllerClient
  readonly id: string
  /** The bottle's own. */
  readonly directory: string
  readonly file: string
}

/** Throws BottleError `conflict` for a bottle that is not frozen, that is resumed meanwhile, and for a file that is there. */
export async function exportSnapshot({ client, id, directory, file }: ExportRequest): Promise<SnapshotManifest> {
  const facts = await client.snapshotFacts(id)
  if (existsSync(file)) throw new BottleError('conflict', `${file} is there already`, { hint: 'Name another file.' })
  await checkSealed(directory)
  const frozen = await readFile(join(directory, 'frozen.json'), 'utf8')
  await using undo = new AsyncDisposableStack()
  const own = await mkdtemp(join(tmpdir(), 'bot-bottle-export-'))
  undo.defer(() => rm(own, { recursive: true }))
  const layers = await layersOf(directory)
  const manifest = snapshotManifest({ ...facts, layers })
  await writeFile(join(own, 'manifest.json'), JSON.stringify(manifest))
  const workspace = await readStack(stackDirectory(directory, 'workspace'))
  if (workspace) await writeOriginalFiles(workspace.originalPath, join(own, 'original.jsonl'))
  // Under another name until it is whole.
  const beside = join(dirname(file), `.bot-bottle-${randomBytes(6).toString('hex')}`)
  undo.defer(() => rm(beside, { force: true }))
  const names = [
    ...['start.json', 'frozen.json'],
    ...(existsSync(join(directory, 'workspace')) ? ['workspace'] : []),
    ...layers.map(({ stack, name }) => `layers/${stack}/${name}`),
  ]
  const parts = [
    { directory: own, names: await readdir(own) },
    { directory, names },
  ]
  await writeArchive(beside, { parts, coding: codingFor(file) })
  const now = await readFile(join(directory, 'frozen.json'), 'utf8').catch(() => '')
  if (now !== frozen) throw new BottleError('conflict', `${id} was resumed while it was exported`)
  await checkSealed(directory)
  await rename(beside, file)
  return manifest
}

async function layersOf(directory: string): Promise<SnapshotManifest['layers']> {
  const layers: SnapshotManifest['layers'] = []
  for (const name of ['workspace', 'home'] as const satisfies readonly StackName[]) {
    const folder = stackDirectory(directory, name)
    const stack = await readStack(folder)
    if (!stack) continue
    const { kind } = stack.form
    const first = name === 'home' ? ['first'] : []
    for (const layer of [...first, ...(kind === 'copy' ? ['tree'] : await sealedLayers(folder))]) {
      const { sha256 } = await hashLayer(join(folder, layer), { contents: true })
      if (sha256 !== null) layers.push({ stack: name, kind, name: layer, sha256 })
    }
  }
  return layers
}

function codingFor(file: string): Coding {
  if (file.endsWith('.tar')) return 'none'
  return file.endsWith('.gz') || file.endsWith('.tgz') ? 'gzip' : 'zstd'
}
