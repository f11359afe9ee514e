/** The whole screen as lines: which lists there are, how all is, one of the screens, what was told last, the keys. */
import { localTime } from '../../cli/time.ts'
import { tokensPerMinute } from '../../core/activity/flow.ts'
import { compactNumber } from '../../core/compact-number.ts'
import { allBottleRows } from '../model/bottles.ts'
import type { State } from '../model/state.ts'
import {
  banner,
  cutBetweenWords,
  cutLine,
  joined,
  justified,
  type Line,
  type Span,
  span,
  textOf,
  wrapped,
} from '../text/line.ts'
import { auditScreen } from './audit.ts'
import { bottlesScreen } from './bottles.ts'
import { budgetsScreen } from './budgets.ts'
import { detailScreen } from './detail.ts'
import { dialogLine } from './dialog.ts'
import { helpScreen } from './help.ts'
import type { Page } from './page.ts'

/** Less than that shows no list. */
export const smallest = { columns: 60, rows: 12 } as const
const headRows = 3
const footRows = 2

/** Exactly as many lines as the terminal has rows, none longer than it is wide. */
export function frame(state: State, { columns, rows }: Page): readonly Line[] {
  if (columns < smallest.columns || rows < smallest.rows) {
    const words = `The terminal is too small: ${columns}×${rows}, at least ${smallest.columns}×${smallest.rows} is needed.`
    return filled([cutLine([span(words)], columns)], rows)
  }
  const said = saidLines(state, columns)
  // What does not fit in one line takes others from the list.
  const page = { columns, rows: pageRows(rows) + 1 - said.length }
  const body = filled(bodyOf(state, page), page.rows)
  return [
    ...[tabs(state, columns), summary(state, columns), []],
    ...body.map((line) => cutLine(line, columns)),
    ...[...said, keysLine(state, columns)],
  ]
}

/** Rows between head and foot. */
export function pageRows(rows: number): number {
  return Math.max(1, rows - headRows - footRows)
}

function bodyOf(state: State, page: Page): readonly Line[] {
  if (state.isHelping) return helpScreen(page)
  if (state.detail) return detailScreen(state, state.detail, page)
  switch (state.screen) {
    case 'bottles':
      return bottlesScreen(state, page)
    case 'budgets':
      return budgetsScreen(state, page)
    case 'audit':
      return auditScreen(state, page)
  }
}

function filled(lines: readonly Line[], rows: number): readonly Line[] {
  return Array.from({ length: rows }, (_, row) => lines[row] ?? [])
}

function tabs(state: State, columns: number): Line {
  const living = [...state.bottles.values()].filter(({ endedAtMs }) => endedAtMs === null).length
  const titles = [
    ['bottles', `1 Bottles ${living}`],
    ['budgets', `2 Budgets ${state.budgets.length}`],
    ['audit', '3 Audit'],
  ] as const
  const start = titles.flatMap(([screen, title]): readonly Span[] => {
    const isShown = screen === state.screen
    return [span(isShown ? `[${title}]` : ` ${title} `, isShown ? 'selected' : 'plain'), span(' ')]
  })
  return justified([span(' bot-bottle ', 'strong'), span(' '), ...start], linkSpans(state), columns)
}

function linkSpans({ link, nowMs }: State): Line {
  const time = span(` ${localTime(nowMs).slice(11)} `)
  switch (link.kind) {
    case 'connecting':
      return [span('connecting', 'warn'), time]
    case 'live':
      return [span('● live', 'good'), time]
    case 'lost':
      return [span(`! lost for ${Math.max(0, Math.round((nowMs - link.sinceMs) / 1000))} s`, 'bad'), time]
  }
}

/** What one wants to know before anything else. */
function summary(state: State, columns: number): Line {
  if (state.link.kind === 'lost') {
    const words = `The controller is not heard: ${state.link.why}. Shown is what was known; it is tried again.`
    return cutBetweenWords([span(` ${words}`, 'bad')], columns)
  }
  const rows = allBottleRows(state)
  const count = (trouble: string) => rows.filter((row) => row.trouble === trouble).length
  const streams = rows.reduce((sum, { activity }) => sum + activity.open.length, 0)
  const flows = [...state.activity.flows.values()].filter(({ scope }) => scope === 'host')
  const rate = flows.reduce((sum, flow) => sum + tokensPerMinute(flow, state.nowMs), 0)
  const stopped = count('stopped')
  const near = count('spent') + count('near')
  const trouble = [
    span(' '),
    ...(stopped > 0 ? [span(`! ${stopped} cut off or failed`, 'bad'), span(' · ', 'dim')] : []),
    ...(near > 0 ? [span(`▲ ${near} near a limit`, 'warn'), span(' · ', 'dim')] : []),
  ]
  const calm = [viewInWords(state), counted(streams, 'stream'), `${compactNumber(rate)} tokens/min`]
  return [...trouble, span(joined(calm, columns - textOf(trouble).length), 'dim')]
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function viewInWords({ screen, detail, sorting, isReversed, filter, search }: State): string {
  if (screen !== 'bottles' || detail) return ''
  const words = [
    sorting === 'trouble' && !isReversed ? '' : `sorted by ${sorting}${isReversed ? ', reversed' : ''}`,
    filter === 'all' ? '' : `only ${filter === 'alive' ? 'those alive' : 'trouble'}`,
    search === '' ? '' : `matching "${search}"`,
  ]
  return words.filter((word) => word !== '').join(', ')
}

const maxSaidRows = 3

/** What is asked or was told, in one line or more. */
function saidLines(state: State, columns: number): readonly Line[] {
  if (state.dialog) return [banner(dialogLine(state.dialog), 'selected', columns)]
  if (!state.notice) return [[]]
  const { text, tone, atMs } = state.notice
  const time = ` ${localTime(atMs).slice(11)} `
  const lines = wrapped(text, columns - time.length, tone)
  return lines
    .slice(0, maxSaidRows)
    .map((line, row) => [span(row === 0 ? time : ' '.repeat(time.length), 'dim'), ...line])
}

function keysLine({ dialog, detail, screen }: State, columns: number): Line {
  const hints = dialog
    ? {
        confirm: ['y yes', 'any other key no'],
        search: ['Enter keep', 'Esc end'],
        raise: ['Enter set', 'Tab whose', 'Esc leave'],
      }[dialog.kind]
    : [
        ...['? help', 'q quit'],
        ...(detail ? ['Esc back'] : screen === 'bottles' ? ['Enter look', '/ search', 's sort'] : []),
        ...(screen === 'budgets' && !detail
          ? ['b set limit']
          : ['c cut off', 'r restore', 'b budget', 'f freeze', 'x kill', 'v view', 'y copy', 'u resume']),
      ]
  return [span(` ${joined(hints, columns - 2)}`, 'dim')]
}
