/** What was enforced, a line each, newest first; of the selected one all that is known, below. */
import { localTime } from '../../cli/time.ts'
import { type AuditRow, auditRows } from '../model/audit.ts'
import { selectedKey } from '../model/selection.ts'
import type { State } from '../model/state.ts'
import { type Column, fitted } from '../text/columns.ts'
import { type Line, span, wrapped } from '../text/line.ts'
import { selectable } from './bottles.ts'
import { listLines, type Page } from './page.ts'

const maxWhyRows = 5

export function auditScreen(state: State, { columns, rows }: Page): readonly Line[] {
  const shown = auditRows(state.audit)
  const key = selectedKey(state, 'audit')
  const selected = shown.findIndex(({ enforcementId }) => enforcementId === key)
  const why = whyLines(shown[selected], columns)
  const table = fitted(auditColumns(state.nowMs), shown, columns - 2)
  const entries = table.rows.map((line, index) => [selectable(line, index === selected, columns)])
  const empty = state.isLoaded ? '  Nothing was enforced.' : '  …'
  const list = listLines({ head: [span('  '), ...table.head], entries, selected, empty }, rows - why.length)
  const gap = Array.from({ length: Math.max(0, rows - why.length - list.length) }, (): Line => [])
  return [...list, ...gap, ...why]
}

export function auditColumns(nowMs: number): readonly Column<AuditRow>[] {
  const today = localTime(nowMs).slice(0, 10)
  return [
    { title: 'WHEN', align: 'left', rank: 0, cell: ({ atMs }) => whenInWords(atMs, today) },
    { title: 'BOTTLE', align: 'left', rank: 0, minColumns: 12, cell: ({ bottleId }) => span(bottleId, 'strong') },
    { title: 'ACTION', align: 'left', rank: 0, cell: ({ action }) => action },
    { title: 'BY', align: 'left', rank: 1, cell: ({ trigger }) => trigger },
    { title: 'OUTCOME', align: 'left', rank: 0, cell: outcomeOf },
    { title: 'TOOK', align: 'right', rank: 3, cell: ({ tookMs }) => (tookMs === null ? '' : `${tookMs} ms`) },
    { title: 'WHY', align: 'left', rank: 2, minColumns: 16, isProse: true, cell: ({ reason }) => span(reason, 'dim') },
  ]
}

/** Without the day where it is today. */
export function whenInWords(atMs: number, today: string): string {
  const time = localTime(atMs)
  return time.startsWith(today) ? time.slice(11) : time.slice(5, 16)
}

function outcomeOf({ outcome }: AuditRow) {
  if (outcome === 'done') return span('done', 'good')
  return outcome === 'failed' ? span('failed', 'bad') : span('under way', 'warn')
}

function whyLines(row: AuditRow | undefined, columns: number): readonly Line[] {
  if (!row) return []
  const all = [
    ...wrapped(`Why: ${row.reason}`, columns - 2),
    ...(row.detail === ''
      ? []
      : wrapped(`What came of it: ${row.detail}`, columns - 2, row.outcome === 'failed' ? 'bad' : 'dim')),
  ]
  return [[], ...all.slice(0, maxWhyRows).map((line) => [span('  '), ...line])]
}
