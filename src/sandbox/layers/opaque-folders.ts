/**
 * Which folders of an overlay's layer hide what lies below them: the kernel marks them by an extended attribute, and Node cannot
 * read those. GNU tar can, and writes them in front of each folder. It gets descriptors, so it resolves no path of the bottle's.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { BottleError, messageOf } from '../../core/errors.ts'
import type { Folder } from './folder.ts'

const maxFoldersAtOnce = 128
const maxArchiveBytes = 1024 * 1024
const maxComplaintCharacters = 4096
const tarTimeoutMs = 10_000
const blockBytes = 512

/**
 * Those of the named folders that show what lies below them. A name that is no folder is not among them. Throws BottleError
 * `sandbox_failed` without a tar that knows extended attributes.
 */
export async function transparentFolders(parent: Folder, names: readonly string[]): Promise<ReadonlySet<string>> {
  const transparent = new Set<string>()
  for (let start = 0; start < names.length; start += maxFoldersAtOnce) {
    using opened = new DisposableStack()
    const batch = names.slice(start, start + maxFoldersAtOnce).flatMap((name) => {
      const folder = parent.folder(name)
      return folder ? [{ name, folder: opened.use(folder) }] : []
    })
    const marks = batch.length > 0 ? opaqueMarks(await archiveOf(batch.map(({ folder }) => folder))) : []
    if (marks.length !== batch.length) throw unreadable('tar left out some of the folders')
    for (const [index, { name }] of batch.entries()) if (!marks[index]) transparent.add(name)
  }
  return transparent
}

async function archiveOf(folders: readonly Folder[]): Promise<Buffer> {
  const format = ['--create', '--absolute-names', '--no-recursion', '--format=pax', '--blocking-factor=1']
  const attributes = ['--xattrs', '--xattrs-include=user.overlay.opaque']
  const child = spawn('tar', [...format, ...attributes, ...folders.map((_, index) => `/proc/self/fd/${index + 3}/.`)], {
    stdio: ['ignore', 'pipe', 'pipe', ...folders.map(({ fd }) => fd)],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    timeout: tarTimeoutMs,
    killSignal: 'SIGKILL',
  })
  const chunks: Buffer[] = []
  let bytes = 0
  let complaint = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxArchiveBytes) chunks.push(chunk)
    else child.kill('SIGKILL')
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk).slice(0, maxComplaintCharacters)
  })
  const [exitCode] = await once(child, 'close').catch((cause: unknown) => {
    throw unreadable(messageOf(cause))
  })
  // 1: a folder got an entry while its mark was read, which changes nothing of the mark.
  if (exitCode !== 0 && exitCode !== 1) throw unreadable(complaint.trim() || 'tar was ended')
  return Buffer.concat(chunks)
}

/** One for each folder in a tar archive: a pax header in front of it may carry the attribute. */
export function opaqueMarks(archive: Buffer): readonly boolean[] {
  const marks: boolean[] = []
  let isOpaque = false
  for (let at = 0; at + blockBytes <= archive.length; ) {
    const header = archive.subarray(at, at + blockBytes)
    if (header[0] === 0) break
    const type = String.fromCharCode(header[156] ?? 0)
    const sizeBytes = Number.parseInt(header.toString('latin1', 124, 135), 8)
    const content = archive.subarray(at + blockBytes, at + blockBytes + sizeBytes)
    if (type === 'x') isOpaque = /(?:^|\n)\d+ SCHILY\.xattr\.user\.overlay\.opaque=y\n/.test(content.toString('latin1'))
    else {
      marks.push(isOpaque)
      isOpaque = false
    }
    at += blockBytes * (1 + Math.ceil(sizeBytes / blockBytes))
  }
  return marks
}

function unreadable(why: string): BottleError {
  return new BottleError('sandbox_failed', `the marks of the layer's folders cannot be read: ${why}`, {
    hint: 'GNU tar reads them: install the package tar.',
  })
}
