/** A change as `git diff` would write it. What is in the files is shown inert, unless it is asked for as it is. */
import { structuredPatch } from 'diff'
import type { Change, Side } from '../../sandbox/layers/change.ts'
import type { Content } from '../../sandbox/layers/change-content.ts'
import { visible } from '../inert.ts'
import { sizeInWords } from './change-words.ts'

/** For one file; what differs so much is told by size. */
const diffTimeoutMs = 2_000

export interface DiffLine {
  readonly kind: 'head' | 'hunk' | 'added' | 'removed' | 'same'
  readonly text: string
}

export interface Sides {
  readonly change: Change
  readonly before: Content
  readonly after: Content
}

export interface LineCounts {
  readonly added: number
  readonly removed: number
}

/** undefined for what is not text on both sides, or differs too much. */
export function lineCounts({ before, after }: Sides): LineCounts | undefined {
  const lines = patchOf(before, after)?.hunks.flatMap((hunk) => hunk.lines)
  return (
    lines && {
      added: lines.filter((line) => line.startsWith('+')).length,
      removed: lines.filter((line) => line.startsWith('-')).length,
    }
  )
}

export function diffLines(sides: Sides, { raw }: { readonly raw: boolean }): readonly DiffLine[] {
  const { change, before, after } = sides
  const shown = raw ? (text: string) => text : visible
  const name = shown(change.path)
  const heads = [`diff --git a/${name} b/${name}`, ...modeLines(change.before, change.after)]
  const patch = patchOf(before, after)
  if (patch === undefined) heads.push(`Binary: ${contentInWords(before)} -> ${contentInWords(after)}`)
  if (change.obstacle !== undefined) heads.push(`Not shown: ${change.obstacle}`)
  const hunks = patch?.hunks ?? []
  if (hunks.length > 0) {
    heads.push(`--- ${change.before ? `a/${name}` : '/dev/null'}`, `+++ ${change.after ? `b/${name}` : '/dev/null'}`)
  }
  // Where all lines end so, it tells nothing.
  const hidesReturns = !raw && [before, after].every((side) => side.kind !== 'text' || /\r\n|^$/.test(side.text))
  return [
    ...heads.map((text): DiffLine => ({ kind: 'head', text })),
    ...hunks.flatMap((hunk) => [
      { kind: 'hunk' as const, text: `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@` },
      ...hunk.lines.map((line) => ({ kind: kindOf(line), text: shown(hidesReturns ? line.replace(/\r$/, '') : line) })),
    ]),
  ]
}

function patchOf(before: Content, after: Content) {
  if (before.kind === 'bytes' || after.kind === 'bytes') return undefined
  const [one, other] = [before, after].map((side) => (side.kind === 'text' ? side.text : ''))
  return structuredPatch('', '', one ?? '', other ?? '', '', '', { context: 3, timeout: diffTimeoutMs })
}

function modeLines(before: Side | null, after: Side | null): readonly string[] {
  if (before === null) return [`new file mode ${modeOf(after)}`]
  if (after === null) return [`deleted file mode ${modeOf(before)}`]
  return modeOf(before) === modeOf(after) ? [] : [`old mode ${modeOf(before)}`, `new mode ${modeOf(after)}`]
}

const typeBits = { file: '100', symlink: '120', folder: '040', special: '000', whiteout: '000' } as const

function modeOf(side: Side | null): string {
  if (side === null) return ''
  return typeBits[side.type] + (side.type === 'symlink' ? 0 : side.mode).toString(8).padStart(3, '0')
}

function contentInWords(content: Content): string {
  if (content.kind === 'bytes') return `${sizeInWords(content.sizeBytes)} (sha256 ${content.sha256.slice(0, 12)})`
  return content.kind === 'text' ? `${sizeInWords(Buffer.byteLength(content.text))} of text` : 'nothing'
}

function kindOf(line: string): DiffLine['kind'] {
  if (line.startsWith('+')) return 'added'
  return line.startsWith('-') ? 'removed' : 'same'
}
