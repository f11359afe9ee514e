/**
 * What the directory below a bottle's layer held, so that another host can tell whether its own holds the same: the bottle sees it
 * wherever it has written nothing itself. Folders named `.git` are left out: two clones of a commit differ in them.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, open, readlink } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Folder } from './folder.ts'
import { decodeName, encodeName } from './names.ts'

interface OriginalFile {
  /** Relative to the directory. */
  readonly path: string
  readonly isExecutable: boolean
  /** Of its content, in hex. */
  readonly sha256?: string
  readonly linkTarget?: string
}

/** One line a file or symlink that the user can read. */
export async function writeOriginalFiles(directory: string, file: string): Promise<void> {
  await using opened = await open(file, 'wx', 0o600)
  using root = Folder.open(directory)
  for await (const found of filesIn(root, '')) await opened.write(`${JSON.stringify(found)}\n`)
}

async function* filesIn(folder: Folder, prefix: string): AsyncGenerator<OriginalFile> {
  if (!folder.isReadable) return
  for (const name of folder.names()) {
    const entry = folder.look(name)
    const path = prefix + name
    const isExecutable = entry?.type === 'file' && (entry.mode & 0o100) !== 0
    if (entry?.type === 'symlink') yield { path, isExecutable, linkTarget: folder.linkTarget(name) ?? '' }
    else if (entry?.type === 'folder') {
      using child = name === '.git' ? undefined : folder.folder(name)
      if (child) yield* filesIn(child, `${path}/`)
    } else if (entry?.type === 'file') {
      using held = folder.hold(name)
      using file = held?.isReadable ? folder.file(name) : undefined
      if (!file) continue
      const hash = createHash('sha256')
      for await (const chunk of file.chunks()) hash.update(chunk)
      yield { path, isExecutable, sha256: hash.digest('hex') }
    }
  }
}

/** The paths that are missing in a directory, or are something else there. What it holds besides is no difference. */
export async function* differingFiles(directory: string, file: string): AsyncGenerator<string> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    const expected = JSON.parse(line) as OriginalFile // of a snapshot whose hash was right
    if (!(await isSame(Buffer.concat([Buffer.from(`${directory}/`), encodeName(expected.path)]), expected)))
      yield expected.path
  }
}

async function isSame(path: Buffer, { isExecutable, sha256, linkTarget }: OriginalFile): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (linkTarget !== undefined) {
    return found?.isSymbolicLink() === true && decodeName(await readlink(path, { encoding: 'buffer' })) === linkTarget
  }
  if (found?.isFile() !== true || ((found.mode & 0o100) !== 0) !== isExecutable) return false
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex') === sha256
}
