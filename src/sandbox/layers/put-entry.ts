/**
 * Puts an entry of one folder into another, in the place of whatever is there: beside it first, then by a rename, so that nobody
 * ever sees half of it and no symlink is written through.
 */
import { randomBytes } from 'node:crypto'
import { constants, lchownSync, lstatSync, mkdirSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { BottleError } from '../../core/errors.ts'
import type { Entry, EntryType, Folder } from './folder.ts'
import { encodeName } from './names.ts'
import { removeEntry } from './remove-entry.ts'

export interface Putting {
  readonly from: Folder
  readonly to: Folder
  readonly name: string
  /** As it was looked at. Throws BottleError `conflict` when it is another by now. */
  readonly entry: Entry
  /** Keep the time of the last change of the content: for what is put back. */
  readonly keepsTime?: boolean
}

/** Of a folder only itself: what is in it stays where it is. */
export async function putEntry({ from, to, name, entry, keepsTime = false }: Putting): Promise<void> {
  const there = to.look(name)
  if (entry.type === 'folder' && there?.type === 'folder') return setMode(to, name, entry.mode)
  const beside = `.bot-bottle-${randomBytes(6).toString('hex')}`
  try {
    await make(beside, { from, to, name, entry, keepsTime })
    // The owner stays who it was: root may work in somebody's directory.
    const { uid, gid } = there ? lstatSync(to.at(name)) : statSync(to.path)
    if (process.getuid?.() === 0) lchownSync(to.at(beside), uid, gid)
    // A rename over a folder, or of one over something else, is refused.
    if (there?.type === 'folder' || entry.type === 'folder') await removeEntry(to, name)
    renameSync(to.at(beside), to.at(name))
  } catch (error) {
    await removeEntry(to, beside)
    throw error
  }
}

/** With all that is in it. */
export async function putTree(putting: Putting): Promise<void> {
  const { from, to, name, entry } = putting
  if (entry.type !== 'folder') return putEntry(putting)
  await putEntry({ ...putting, entry: { ...entry, mode: 0o700 } })
  using source = from.folder(name)
  using target = to.folder(name)
  if (source === undefined || target === undefined) throw changed(name)
  for (const child of source.names()) {
    const found = source.look(child)
    if (found && puttable.has(found.type))
      await putTree({ ...putting, from: source, to: target, name: child, entry: found })
  }
  target.setTimes(entry.mtimeNs)
  target.setMode(entry.mode & 0o777)
}

const puttable: ReadonlySet<string> = new Set<EntryType>(['file', 'folder', 'symlink'])

async function make(beside: string, { from, to, name, entry, keepsTime }: Required<Putting>): Promise<void> {
  if (entry.type === 'folder') mkdirSync(to.at(beside), 0o700)
  else if (entry.type === 'symlink') return symlinkSync(linkTarget(from, name), to.at(beside))
  else await copyContent(beside, { from, to, name, entry })
  setMode(to, beside, entry.mode)
  using made = to.hold(beside)
  if (keepsTime) made?.setTimes(entry.mtimeNs)
}

async function copyContent(beside: string, { from, to, name, entry }: Omit<Putting, 'keepsTime'>): Promise<void> {
  using source = from.file(name)
  if (source === undefined || isChanged(source.entry(), entry)) throw changed(name)
  await copyFile(source.path, to.at(beside), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  if (isChanged(source.entry(), entry)) throw changed(name)
}

function linkTarget(from: Folder, name: string): Buffer {
  const target = from.linkTarget(name)
  if (target === undefined) throw changed(name)
  return encodeName(target)
}

/** Without set-user-id, set-group-id and sticky. */
function setMode(folder: Folder, name: string, mode: number): void {
  using held = folder.hold(name)
  held?.setMode(mode & 0o777)
}

function isChanged(now: Entry, then: Entry): boolean {
  return now.inode !== then.inode || now.ctimeNs !== then.ctimeNs || now.type !== then.type
}

function changed(name: string): BottleError {
  return new BottleError('conflict', `${name} was changed while it was read`, {
    hint: 'The bottle is still at work: try again, or wait until it has ended.',
  })
}
