/** Changes in words, for lists. */
import type { Change, Side } from '../../sandbox/layers/change.ts'
import { visible } from '../inert.ts'

/** Without the new folders that are seen by what is in them. */
export function withoutFolders(changes: readonly Change[]): readonly Change[] {
  return changes.filter(
    ({ path, after }, index) => after?.type !== 'folder' || !changes[index + 1]?.path.startsWith(`${path}/`),
  )
}

/** A, M, D, or T where it is of another type now. */
export function letterOf({ kind, before, after }: Change): string {
  if (kind === 'modified' && before?.type !== after?.type) return 'T'
  return { added: 'A', modified: 'M', deleted: 'D' }[kind]
}

/** The path, and what the letter does not say. */
export function pathInWords({ path, before, after, isConflict, obstacle }: Change): string {
  const slash = (after ?? before)?.type === 'folder' ? '/' : ''
  const link = after?.linkTarget === undefined ? '' : ` -> ${visible(after.linkTarget)}`
  const mode =
    before && after && before.mode !== after.mode && before.type === after.type ? modeChange(before, after) : ''
  const notes = [mode, isConflict ? 'changed on the host as well' : '', obstacle ?? ''].filter((note) => note !== '')
  return `${visible(path)}${slash}${link}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`
}

function modeChange(before: Side, after: Side): string {
  if (before.type === 'symlink') return ''
  return `mode ${before.mode.toString(8)} -> ${after.mode.toString(8)}`
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const

export function sizeInWords(sizeBytes: number): string {
  let size = sizeBytes
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${unit === 0 || size >= 99.5 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`
}

export function countInWords(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
