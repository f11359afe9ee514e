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

/** The page of entries that the selected one is on; below, which of how many these are, where there is more than one page. */
export function listLines({ head, entries, selected, empty }: ListView, rows: number): readonly Line[] {
  if (entries.length === 0) return [[span(empty, 'dim')]]
  const height = Math.max(1, ...entries.map((lines) => lines.length))
  const hasPages = entries.length * height > rows - 1
  const fit = Math.max(1, Math.floor((rows - (hasPages ? 2 : 1)) / height))
  const first = firstShown({ count: entries.length, selected, fit })
  const shown = entries.slice(first, first + fit)
  const place = [span(`  ${first + 1}–${first + shown.length} of ${entries.length}`, 'dim')]
  return [head, ...shown.flat(), ...(hasPages ? [place] : [])]
}

/** Depends on the selection alone, so that a list stands still while the selection moves within a page. */
function firstShown({ count, selected, fit }: { count: number; selected: number; fit: number }): number {
  if (count <= fit) return 0
  const page = Math.floor(Math.max(0, selected) / fit)
  return Math.min(page * fit, count - fit)
}
