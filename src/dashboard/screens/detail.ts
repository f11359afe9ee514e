/** One bottle: how it stands and what is in flight on top, below one of the lists of what it did. */
import { ageInWords, localTime } from '../../cli/time.ts'
import { budgetInWords } from '../../core/budget/wording.ts'
import { compactNumber } from '../../core/compact-number.ts'
import { allBottleRows, type BottleRow } from '../model/bottles.ts'
import { type Detail, sections } from '../model/detail.ts'
import type { State } from '../model/state.ts'
import { cutLine, joined, type Line, span, textOf } from '../text/line.ts'
import { stateInWords } from './bottles.ts'
import { sectionTable } from './detail-sections.ts'
import type { Page } from './page.ts'
import { usedBar } from './used.ts'

const maxOpenRows = 4
const maxBudgetRows = 3

export function detailScreen(state: State, detail: Detail, { columns, rows }: Page): readonly Line[] {
  const row = allBottleRows(state).find(({ view }) => view.id === detail.id)
  const head = row ? headLines(row, state.nowMs, columns) : [[span(`  ${detail.id} is not known any more.`, 'dim')]]
  const { table, empty } = sectionTable(detail, { nowMs: state.nowMs, columns: columns - 2 })
  const top: readonly Line[] = [...head, [], tabs(detail, columns)]
  const fit = Math.max(1, rows - top.length - 1)
  const offset = Math.max(0, Math.min(detail.offset, table.rows.length - fit))
  const shown = table.rows.slice(offset, offset + fit)
  if (shown.length === 0) return [...top, [span(`  ${empty}`, 'dim')]]
  return [...top, ...[table.head, ...shown].map((line): Line => [span('  '), ...line])]
}

function headLines(row: BottleRow, nowMs: number, columns: number): readonly Line[] {
  const { view, activity } = row
  const { tokens } = activity
  const about = joined(
    [
      stateInWords(view),
      `agent ${view.agent}`,
      `policy ${view.policy}`,
      `${ageInWords((view.endedAtMs ?? nowMs) - view.createdAtMs)} old`,
      `since ${localTime(view.createdAtMs)}`,
      view.definitions.length > 0 ? `of ${view.definitions.join(', ')}` : '',
    ],
    columns - view.id.length - 4,
  )
  const used = joined(
    [
      `${compactNumber(activity.chargedTokens)} charged in ${activity.exchanges} exchanges`,
      `input ${compactNumber(tokens.inputTokens)}`,
      `cache read ${compactNumber(tokens.cacheReadTokens)}`,
      `cache write ${compactNumber(tokens.cacheWriteTokens)}`,
      `output ${compactNumber(tokens.outputTokens)}`,
      `${activity.denials} denied`,
    ],
    columns - 2,
  )
  return [
    [span('  '), span(view.id, 'strong'), span('  '), span(about)],
    ...budgetLines(row, columns),
    [span(`  ${used}`)],
    ...openLines(row, nowMs, columns),
  ]
}

function budgetLines({ budgets }: BottleRow, columns: number): readonly Line[] {
  if (budgets.length === 0) return [[span('  no budget', 'dim')]]
  return budgets.slice(0, maxBudgetRows).map((row) => {
    const { budget, heldTokens } = row
    const words = joined(
      [
        `${compactNumber(budget.settledTokens + heldTokens)} of ${compactNumber(budget.limitTokens)} ${budget.provider}`,
        budgetInWords(budget),
        budget.always ? 'always' : '',
      ],
      columns - 31,
    )
    return [span('  '), ...usedBar(row, 20), span(`  ${words}`)]
  })
}

function openLines({ activity: { open } }: BottleRow, nowMs: number, columns: number): readonly Line[] {
  const lines = open
    .slice(0, maxOpenRows)
    .map(
      ({ model, provider, observedTokens, startedAtMs }): Line =>
        cutLine(
          [
            span('  ● ', 'good'),
            span(
              `${model ?? provider}  ${compactNumber(observedTokens)} tokens so far, for ${ageInWords(nowMs - startedAtMs)}`,
            ),
          ],
          columns,
        ),
    )
  const more = open.length - lines.length
  return more > 0 ? [...lines, [span(`    and ${more} more`, 'dim')]] : lines
}

function tabs({ section }: Detail, columns: number): Line {
  const line = sections.flatMap((one) =>
    one === section ? [span(`[${one}]`, 'selected'), span(' ')] : [span(` ${one}  `, 'dim')],
  )
  const hint = span('←/→', 'dim')
  return textOf(line).length + 6 < columns ? [span('  '), ...line, hint] : [span('  '), ...line]
}
