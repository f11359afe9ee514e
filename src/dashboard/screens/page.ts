/** What a screen is asked for, and the part of a list that is seen: the selection never leaves it. */
import { type Line, span } from '../text/line.ts'

export interface Page {
  readonly columns: number
  /** For all that the screen shows between the head and the foot of the frame. */
  readonly rows: number
}

export interface ListView {
  readonly head: Line
  /** Each of as many lines as any other. */
  readonly entries: readonly (readonly Line[])[]
  /** -1 for none. */
  readonly selected: number
  readonly empty: string
}

/** Entries around the selected one, as many as there is room for. */
export function listLines({ head, entries, selected, empty }: ListView, rows: number): readonly Line[] {
  if (entries.length === 0) return [[span(empty, 'dim')]]
  const height = Math.max(1, ...entries.map((lines) => lines.length))
  const fit = Math.max(1, Math.floor((rows - 1) / height))
  const first = firstShown({ count: entries.length, selected, fit })
  return [head, ...entries.slice(first, first + fit).flat()]
}

/** Depends on the selection alone, so that a list stands still while the selection moves within a page. */
export function firstShown({ count, selected, fit }: { count: number; selected: number; fit: number }): number {
  if (count <= fit) return 0
  const page = Math.floor(Math.max(0, selected) / fit)
  return Math.min(page * fit, count - fit)
}
