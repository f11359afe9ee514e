/**
 * Which folders of an overlay's layer hide what lies below them: the kernel marks them by an extended attribute, and Node cannot
 * read those. GNU tar can, and writes them in front of each folder.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { BottleError, messageOf } from '../../core/errors.ts'
import type { Folder } from './folder.ts'
import { encodeName } from './names.ts'
import { createTarReader } from './tar-reader.ts'

const maxFoldersAtOnce = 128
const maxComplaintCharacters = 4096
const tarTimeoutMs = 60_000

/**
 * Those of the named folders that show what lies below them. A name that is no folder is not among them. Tar gets descriptors, so it
 * resolves no path of the bottle's. Throws BottleError `sandbox_failed` without a tar that knows extended attributes.
 */
export async function transparentFolders(parent: Folder, names: readonly string[]): Promise<ReadonlySet<string>> {
  const transparent = new Set<string>()
  for (let start = 0; start < names.length; start += maxFoldersAtOnce) {
    using opened = new DisposableStack()
    const batch = names.slice(start, start + maxFoldersAtOnce).flatMap((name) => {
      const folder = parent.folder(name)
      return folder ? [{ name, folder: opened.use(folder) }] : []
    })
    const paths = batch.map((_, index) => `/proc/self/fd/${index + 3}/.`)
    const marks = await marksOf(paths, { folders: batch.map(({ folder }) => folder) })
    for (const [index, { name }] of batch.entries()) if (!marks[index]) transparent.add(name)
  }
  return transparent
}

/** Which of the folders below one that nothing changes meanwhile hide what lies below them: any number of them by one tar. */
export async function opaqueFolders(root: Folder, paths: readonly string[]): Promise<ReadonlySet<string>> {
  const marks = await marksOf(
    paths.map((path) => `/proc/self/fd/3/${path}`),
    { folders: [root] },
  )
  return new Set(paths.filter((_, index) => marks[index]))
}

/** One for each path. `folders`: those that tar has as its descriptors from 3 on. */
async function marksOf(
  paths: readonly string[],
  { folders }: { readonly folders: readonly Folder[] },
): Promise<readonly boolean[]> {
  if (paths.length === 0) return []
  const format = ['--create', '--absolute-names', '--no-recursion', '--format=pax', '--blocking-factor=1']
  const attributes = ['--xattrs', '--xattrs-include=user.overlay.opaque', '--null', '--files-from=-']
  const child = spawn('tar', [...format, ...attributes], {
    stdio: ['pipe', 'pipe', 'pipe', ...folders.map(({ fd }) => fd)],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    timeout: tarTimeoutMs,
    killSignal: 'SIGKILL',
  })
  const marks: boolean[] = []
  const reader = createTarReader()
  let complaint = ''
  let failure: unknown
  child.stdout?.on('data', (chunk: Buffer) => {
    try {
      for (const { records } of reader.feed(chunk)) marks.push(records.get(opaqueRecord) === 'y')
    } catch (error) {
      failure ??= error
    }
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk).slice(0, maxComplaintCharacters)
  })
  // A tar that ends early tells why itself.
  child.stdin?.on('error', () => {})
  child.stdin?.end(Buffer.concat(paths.flatMap((path) => [encodeName(path), Buffer.of(0)])))
  const [exitCode] = await once(child, 'close').catch((cause: unknown) => {
    throw unreadable(messageOf(cause))
  })
  if (failure !== undefined) throw unreadable(messageOf(failure))
  // 1: a folder got an entry while its mark was read, which changes nothing of the mark.
  if (exitCode !== 0 && exitCode !== 1) throw unreadable(complaint.trim() || 'tar was ended')
  if (marks.length !== paths.length) throw unreadable('tar left out some of the folders')
  return marks
}

const opaqueRecord = 'SCHILY.xattr.user.overlay.opaque'

function unreadable(why: string): BottleError {
  return new BottleError('sandbox_failed', `the marks of the layer's folders cannot be read: ${why}`, {
    hint: 'GNU tar reads them: install the package tar.',
  })
}
