/** All bottles, a line each: what is in trouble is marked, coloured and, unless sorted otherwise, on top. */
import { ageInWords } from '../../cli/time.ts'
import { periodOfKey } from '../../core/budget/period.ts'
import type { CounterKey } from '../../core/budget/scope.ts'
import { compactNumber } from '../../core/compact-number.ts'
import { type BottleRow, bottleRows } from '../model/bottles.ts'
import { selectedKey } from '../model/selection.ts'
import type { State } from '../model/state.ts'
import { type Column, fitted } from '../text/columns.ts'
import { banner, type Line, span, type Tone } from '../text/line.ts'
import { sparkline } from '../text/sparkline.ts'
import { listLines, type Page } from './page.ts'
import { usedBar } from './used.ts'

export function bottlesScreen(state: State, { columns, rows }: Page): readonly Line[] {
  const shown = bottleRows(state)
  const key = selectedKey(state, 'bottles')
  const selected = shown.findIndex(({ view }) => view.id === key)
  const table = fitted(bottleColumns(state.nowMs, columns), shown, columns - 2)
  const entries = table.rows.map((line, index) => [selectable(line, index === selected, columns)])
  return listLines({ head: [span('  '), ...table.head], entries, selected, empty: emptyWords(state) }, rows)
}

export function selectable(line: Line, isSelected: boolean, columns: number): Line {
  return isSelected ? banner([span('▸ '), ...line], 'selected', columns) : [span('  '), ...line]
}

const wideColumns = 120

function bottleColumns(nowMs: number, columns: number): readonly Column<BottleRow>[] {
  const barColumns = columns < wideColumns ? 8 : 14
  const number = (title: string, rank: number, of: (row: BottleRow) => number): Column<BottleRow> => ({
    ...{ title, rank, align: 'right' },
    cell: (row) => (of(row) === 0 ? span('·', 'dim') : compactNumber(of(row))),
  })
  return [
    { title: '', align: 'left', rank: 0, cell: markOf },
    {
      title: 'BOTTLE',
      align: 'left',
      rank: 0,
      minColumns: columns < wideColumns ? 16 : 28,
      cell: ({ view, isAlive }) => span(view.id, isAlive ? 'strong' : 'dim'),
    },
    { title: 'STATE', align: 'left', rank: 0, cell: ({ view }) => span(stateInWords(view), stateTone(view.state)) },
    { title: 'AGENT', align: 'left', rank: 8, minColumns: 8, cell: ({ view }) => view.agent },
    { title: 'PROVIDER', align: 'left', rank: 9, minColumns: 8, cell: ({ providers }) => providers.join(' ') },
    { title: 'POLICY', align: 'left', rank: 10, cell: ({ view }) => view.policy },
    {
      ...{ title: 'BUDGET', align: 'left', rank: 7 },
      cell: ({ view, budget }) => (budget ? whoseBudget(budget.budget, view.id) : span('none', 'dim')),
    },
    {
      ...{ title: 'USED', align: 'left', rank: 0 },
      cell: ({ budget }) => (budget ? usedBar(budget, barColumns) : span('no budget', 'dim')),
    },
    number('TOKENS', 1, ({ usedTokens }) => usedTokens),
    number('LIVE', 2, ({ activity }) => activity.open.length),
    number('NOW', 3, ({ liveTokens }) => liveTokens),
    number('INPUT', 13, ({ activity }) => activity.tokens.inputTokens),
    number('CACHE W', 14, ({ activity }) => activity.tokens.cacheWriteTokens),
    number('CACHE R', 11, ({ activity }) => activity.tokens.cacheReadTokens),
    number('OUTPUT', 12, ({ activity }) => activity.tokens.outputTokens),
    number('/MIN', 6, (row) => row.tokensPerMinute),
    { title: 'LAST HOUR', align: 'left', rank: 15, cell: (row) => span(sparkline(row.lastHour, 20), 'accent') },
    {
      ...{ title: 'DENIED', align: 'right', rank: 5 },
      cell: ({ activity: { denials } }) => (denials === 0 ? span('·', 'dim') : span(compactNumber(denials), 'warn')),
    },
    {
      title: 'AGE',
      align: 'right',
      rank: 4,
      cell: ({ view }) => ageInWords((view.endedAtMs ?? nowMs) - view.createdAtMs),
    },
  ]
}

/** `own`, `host, month`: a scope and, where it is not of all time, its period. */
function whoseBudget({ scope, period }: CounterKey, bottleId: string): string {
  const whose = scope === `run:${bottleId}` ? 'own' : scope
  const kind = periodOfKey(period)
  return kind === 'total' ? whose : `${whose}, ${kind}`
}

/** The first thing that is read of a line. */
function markOf({ trouble, activity, isAlive }: BottleRow) {
  if (trouble === 'stopped') return span('!', 'bad')
  if (trouble === 'spent') return span('▲', 'bad')
  if (trouble === 'near') return span('▲', 'warn')
  if (activity.open.length > 0) return span('●', 'good')
  return span(isAlive ? '·' : ' ', 'dim')
}

export function stateInWords({ state, exitCode, contained }: BottleRow['view']): string {
  const word = state === 'cut' ? 'cut off' : state === 'exited' && exitCode !== null ? `exited ${exitCode}` : state
  return contained ? word : `${word}, uncontained`
}

function stateTone(state: BottleRow['view']['state']): Tone {
  if (state === 'cut' || state === 'failed') return 'bad'
  if (state === 'frozen' || state === 'starting') return 'accent'
  return state === 'running' ? 'good' : 'dim'
}

function emptyWords({ isLoaded, bottles, search, filter }: State): string {
  if (!isLoaded) return '  …'
  if (bottles.size === 0) return '  No bottle is running. Start one in another terminal: bot-bottle start claude'
  return search === ''
    ? `  No bottle is left by the view "${filter}" (v changes it).`
    : `  No bottle matches "${search}".`
}
