/** The sections of a report that tell of budgets, of what was enforced, and of what was refused. */
import { forecastInWords } from '../../core/budget/forecast-words.ts'
import { budgetInWords } from '../../core/budget/wording.ts'
import { utcMinute } from '../../core/calendar.ts'
import { groupedNumber } from '../table.ts'
import { meterBar, percent } from './charts.ts'
import { type Html, html, nothing } from './html.ts'
import type { Report } from './read-report.ts'
import { type PageColumn, pageTable } from './tables.ts'

const maxRows = 200

export function budgetsSection({ budgets, madeAtMs }: Report): Html {
  const columns: readonly PageColumn[] = [
    ...[
      { title: 'Budget' },
      { title: 'Provider' },
      { title: 'Used', kind: 'number' as const },
      { title: '', kind: 'bar' as const },
    ],
    ...['Settled', 'Held', 'Limit', 'Left'].map((title) => ({ title, kind: 'number' as const })),
    ...[{ title: 'Resets' }, { title: 'Forecast', kind: 'long' as const }],
  ]
  const rows = budgets.map((budget) => {
    const {
      provider,
      settledTokens: settled,
      reservedTokens: held,
      limitTokens: limit,
      leftTokens,
      resetsAtMs,
    } = budget
    const used = limit === 0 ? 1 : (settled + held) / limit
    return [
      ...[budgetInWords(budget) + (budget.always ? ' (always)' : ''), provider, percent(used)],
      ...[meterBar({ settled, held, limit }), settled, held, limit, leftTokens],
      ...[resetsAtMs === null ? 'never' : utcMinute(resetsAtMs), forecastInWords(budget, madeAtMs)],
    ]
  })
  return section('Budgets, as they stand now', pageTable('Budgets', columns, rows), {
    isEmpty: budgets.length === 0,
    empty: 'No budget is defined: tokens are only counted.',
  })
}

export function enforcementsSection({ enforcements, isAuditCut }: Report): Html {
  const columns: readonly PageColumn[] = [
    { title: 'Time (UTC)', kind: 'whole' },
    ...['Bottle', 'What', 'By'].map((title) => ({ title })),
    ...['Why', 'Outcome'].map((title) => ({ title, kind: 'long' as const })),
  ]
  const rows = enforcements
    .slice(-maxRows)
    .map(({ atMs, bottleId, action, trigger, reason, outcome, detail }) => [
      ...[time(atMs), bottleId, action, trigger, reason],
      html`<span class="outcome ${outcome}">${outcome}</span> ${detail}`,
    ])
  return section('Cuts, restores and limits', pageTable('Cuts, restores and limits', columns, rows), {
    isEmpty: rows.length === 0,
    empty: 'Nothing was enforced.',
    note: noteOf({ hidden: enforcements.length - rows.length, isCut: isAuditCut, command: 'bot-bottle audit' }),
  })
}

export function denialsSection({ denials, areDenialsCut }: Report): Html {
  const columns: readonly PageColumn[] = [
    ...[
      { title: 'Last (UTC)', kind: 'whole' as const },
      { title: 'Bottle' },
      { title: 'Times', kind: 'number' as const },
      { title: 'Request', kind: 'code' as const },
    ],
    ...[
      { title: 'Status', kind: 'number' as const },
      { title: 'Code', kind: 'whole' as const },
      { title: 'Why', kind: 'long' as const },
    ],
  ]
  const rows = denials
    .slice(-maxRows)
    .map(({ lastAtMs, bottleId, count, method, host, path, status, code, reason }) => [
      ...[time(lastAtMs), bottleId, count, `${method} ${host}${path}`, String(status), code, reason],
    ])
  return section('Denials', pageTable('Denials', columns, rows), {
    isEmpty: rows.length === 0,
    empty: 'Nothing was refused, as far as the logs go back.',
    note: noteOf({ hidden: denials.length - rows.length, isCut: areDenialsCut, command: 'bot-bottle denials' }),
  })
}

interface Around {
  readonly isEmpty: boolean
  readonly empty: string
  readonly note?: Html
}

function section(title: string, content: Html, { isEmpty, empty, note = nothing }: Around): Html {
  return html`<section class="card wide"><h2>${title}</h2>
${isEmpty ? html`<p class="empty">${empty}</p>` : content}${note}</section>`
}

function noteOf(list: { readonly hidden: number; readonly isCut: boolean; readonly command: string }): Html {
  if (list.hidden === 0 && !list.isCut) return nothing
  const hidden = list.hidden > 0 ? `${groupedNumber(list.hidden)} older ones are not shown. ` : ''
  return html`<p class="note">${hidden}<code>${list.command}</code> lists further ones.</p>`
}

function time(atMs: number): string {
  return utcMinute(atMs).replace(' UTC', '')
}
