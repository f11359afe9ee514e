/**
 * What a bottle wrote, as one thing that can be kept: read and made durable while its processes are stopped, sealed once they are gone,
 * and found to be the same when it is taken up again. `layers/sealed.json` says what was kept.
 *
 * Before the kill nothing is read but what the file system knows of each entry (`stamp`), and all is synced: that takes no longer for
 * large files. What is in them is hashed afterwards, when nothing can change it any more; until then `sha256` is null.
 *
 * Reading many files takes long: the controller calls these in a thread (`layer-thread.ts`).
 */
import { execFile } from 'node:child_process'
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { BottleError } from '../../core/errors.ts'
import { hashLayer, type LayerHash } from './hash-layer.ts'
import { type LayerStack, readStack, type StackName, stackDirectory, writtenPath } from './layer-stack.ts'
import { sealWritten, squashSealed } from './seal.ts'

const run = promisify(execFile)

export interface LayerSnapshot extends Omit<LayerHash, 'stamp'> {
  readonly name: StackName
  /** `overlay`: of what was written since the last freeze. `copy`: of the whole copy. */
  readonly kind: 'overlay' | 'copy'
  /** null while it is changed on purpose (`discard`): whatever it is then, nobody tampered with it. */
  readonly stamp: string | null
}

interface NamedStack extends LayerStack {
  readonly name: StackName
}

const recordVersion = 1
const stackNames: readonly StackName[] = ['workspace', 'home']
/** More of them make every look at a file slower. */
const maxSealedLayers = 8

/** Of a bottle that changes nothing meanwhile. Durable when it resolves. */
export async function snapshotLayers(bottleDirectory: string): Promise<readonly LayerSnapshot[]> {
  // One call for all files: a sync of each would take as long as its disk for each.
  const syncing = run('sync', ['--file-system', bottleDirectory])
  const snapshots: LayerSnapshot[] = []
  try {
    for (const stack of await stacksOf(bottleDirectory)) {
      const hash = await hashLayer(writtenPath(stack), { contents: false })
      snapshots.push({ name: stack.name, kind: stack.form.kind, ...hash })
    }
  } finally {
    await syncing
  }
  await writeSealed(bottleDirectory, snapshots)
  return snapshots
}

/** Once nothing of the bottle lives. Goes on where a crash interrupted it, and does nothing where it was done before. */
export async function sealLayers(bottleDirectory: string): Promise<void> {
  for (const { name: _, ...stack } of await stacksOf(bottleDirectory)) {
    const { form } = stack
    if (form.kind !== 'overlay' || !(await isThere(writtenPath(stack)))) continue
    // The older ones only: the new one was looked at.
    const older = form.sealed.length > maxSealedLayers ? await squashSealed({ ...stack, form }) : { ...stack, form }
    await sealWritten(older)
    await syncFolder(stack.directory)
  }
}

/** Adds what was left for later, where what was sealed is still as it was. What `goOn` throws ends it, and nothing is added. */
export async function hashSealed(bottleDirectory: string, goOn?: () => void): Promise<readonly LayerSnapshot[]> {
  const hashes = new Map<StackName, LayerHash>()
  for (const stack of await stacksOf(bottleDirectory)) {
    hashes.set(stack.name, await hashLayer(topPath(stack), { contents: true, ...(goOn && { goOn }) }))
  }
  const kept = (await readSealed(bottleDirectory)) ?? []
  const hashed = kept.map((snapshot) => {
    const hash = hashes.get(snapshot.name)
    return hash && (snapshot.stamp === null || snapshot.stamp === hash.stamp) ? { ...snapshot, ...hash } : snapshot
  })
  if (kept.length > 0) await writeSealed(bottleDirectory, hashed)
  return hashed
}

/** Throws BottleError `conflict` when what was sealed last is not what was kept. */
export async function checkSealed(bottleDirectory: string): Promise<void> {
  const kept = await readSealed(bottleDirectory)
  for (const stack of await stacksOf(bottleDirectory)) {
    const snapshot = kept?.find(({ name }) => name === stack.name)
    if (snapshot && (await isAsKept(stack, snapshot))) continue
    throw new BottleError(
      'conflict',
      `the frozen ${stack.name} in ${stack.directory} was changed since it was frozen`,
      {
        hint: 'Look at what it holds; "bot-bottle kill" removes it.',
      },
    )
  }
}

/** Its stamp says so, or, where it was copied here, what is in its files. */
async function isAsKept(stack: NamedStack, { stamp, sha256 }: LayerSnapshot): Promise<boolean> {
  const top = topPath(stack)
  if (!(await isThere(top))) return false
  if (stamp === null || (await hashLayer(top, { contents: false })).stamp === stamp) return true
  return sha256 !== null && (await hashLayer(top, { contents: true })).sha256 === sha256
}

/** Changes layers that nobody else has open; what was sealed is sealed as it is then. */
export async function changeSealed<Result>(
  { directory }: Pick<LayerStack, 'directory'>,
  change: () => Promise<Result>,
): Promise<Result> {
  const bottleDirectory = path.dirname(path.dirname(directory))
  const kept = await readSealed(bottleDirectory)
  if (kept === undefined) return change()
  const changing = kept.map((snapshot) =>
    snapshot.name === path.basename(directory) ? { ...snapshot, stamp: null, sha256: null } : snapshot,
  )
  await writeSealed(bottleDirectory, changing)
  try {
    return await change()
  } finally {
    await hashSealed(bottleDirectory)
  }
}

/** undefined for a bottle that is not frozen. Throws BottleError `conflict` for what a newer version kept. */
export async function readSealed(bottleDirectory: string): Promise<readonly LayerSnapshot[] | undefined> {
  const text = await readFile(recordPath(bottleDirectory), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const { version, layers } = JSON.parse(text) as {
    readonly version: number
    readonly layers: readonly LayerSnapshot[]
  } // written below
  if (version === recordVersion) return layers
  throw new BottleError(
    'conflict',
    `${recordPath(bottleDirectory)} is of version ${version}, this is ${recordVersion}`,
    {
      hint: 'Use the version of bot-bottle that froze the bottle, or a newer one.',
    },
  )
}

/** Replaces what was recorded before in one step. Durable when it resolves. */
export async function writeSealed(bottleDirectory: string, layers: readonly LayerSnapshot[]): Promise<void> {
  const file = recordPath(bottleDirectory)
  const text = `${JSON.stringify({ version: recordVersion, layers }, undefined, 2)}\n`
  await writeFile(`${file}.new`, text, { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
  await syncFolder(path.dirname(file))
}

export async function forgetSealed(bottleDirectory: string): Promise<void> {
  await rm(recordPath(bottleDirectory), { force: true })
}

function recordPath(bottleDirectory: string): string {
  return path.join(bottleDirectory, 'layers', 'sealed.json')
}

async function stacksOf(bottleDirectory: string): Promise<readonly NamedStack[]> {
  const stacks = await Promise.all(
    stackNames.map(async (name) => {
      const stack = await readStack(stackDirectory(bottleDirectory, name))
      return stack && { ...stack, name }
    }),
  )
  return stacks.filter((stack) => stack !== undefined)
}

/** The layer that was sealed last. */
function topPath({ directory, form }: LayerStack): string {
  return path.join(directory, form.kind === 'copy' ? 'tree' : (form.sealed.at(-1) ?? 'upper'))
}

/** What was renamed in it is so after a crash of the machine, too. */
async function syncFolder(folder: string): Promise<void> {
  await using opened = await open(folder)
  await opened.sync()
}

function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
