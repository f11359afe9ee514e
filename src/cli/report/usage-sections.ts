/** The sections of a report that tell of tokens. */
import { compactNumber } from '../../core/compact-number.ts'
import { groupedNumber } from '../table.ts'
import { partsBar, percent, shareLine, sizeBar, stackedBars } from './charts.ts'
import { type Html, html } from './html.ts'
import type { Report } from './read-report.ts'
import { cacheShareOf, type Dimension, groupsBy, type Series, seriesBy, sumOf } from './sums.ts'
import { type PageColumn, pageTable } from './tables.ts'
import type { Step } from './time-bins.ts'

const dimensions: readonly Dimension[] = ['provider', 'model', 'agent', 'bottle']
const maxTopRows = 10
const stepWords: Readonly<Record<Step, string>> = { hour: 'hour', day: 'day', week: 'week', month: 'month' }

export function classesSection({ usage }: Report): Html {
  const { inputTokens, cacheWriteTokens, cacheReadTokens, outputTokens, reasoningTokens } = sumOf(usage)
  const parts = [
    { name: 'input', count: inputTokens },
    { name: 'cache write', count: cacheWriteTokens },
    { name: 'cache read', count: cacheReadTokens },
    { name: 'output', count: outputTokens },
  ]
  const whole = parts.reduce((sum, { count }) => sum + count, 0)
  return html`<section class="card wide"><h2>Tokens by class</h2>
${partsBar('Tokens by class', parts)}${legend(
  parts.map(({ name, count }) => ({ name, totalTokens: count })),
  whole,
)}
<p class="note">Input is what no cache held. ${groupedNumber(reasoningTokens)} tokens of the output are reasoning.</p></section>`
}

export function timeSections({ usage, bins }: Report): readonly Html[] {
  return dimensions.map((dimension) => {
    const series = seriesBy(dimension, usage, bins.names.length)
    const title = `Tokens by ${dimension}, per ${stepWords[bins.step]}`
    const whole = series.reduce((sum, { totalTokens }) => sum + totalTokens, 0)
    const frame = { id: `by-${dimension}`, title, description: describe(series), times: bins.names }
    return html`<section class="card"><h2>${title}</h2>
${stackedBars(frame, series)}${legend(series, whole)}
${behind(title, bins.names, series)}</section>`
  })
}

export function cacheSection({ usage, bins }: Report): Html {
  const byBin = Map.groupBy(usage, ({ bin }) => bin)
  const sums = bins.names.map((_, bin) => sumOf(byBin.get(bin) ?? []))
  const shares = sums.map(cacheShareOf)
  const title = `Cache share of prompts, per ${stepWords[bins.step]}`
  const whole = cacheShareOf(sumOf(usage))
  const description =
    whole === undefined ? 'No prompt was sent.' : `${percent(whole)} of all prompt tokens were read from a cache.`
  const rows = bins.names.flatMap((name, bin) => {
    const [share, sum] = [shares[bin], sums[bin]]
    return share === undefined || !sum
      ? []
      : [[name, sum.inputTokens, sum.cacheWriteTokens, sum.cacheReadTokens, percent(share)]]
  })
  const columns: readonly PageColumn[] = [
    { title: 'Time (UTC)', kind: 'whole' },
    ...['Input', 'Cache write', 'Cache read', 'Share'].map((name) => ({ title: name, kind: 'number' as const })),
  ]
  return html`<section class="card wide"><h2>${title}</h2>
${shareLine({ id: 'cache', title, description, times: bins.names }, shares)}
<p class="note">${description}</p>
<details><summary>As a table</summary>${pageTable(title, columns, rows)}</details></section>`
}

export function topSections({ usage }: Report): readonly Html[] {
  const columns: readonly PageColumn[] = [
    { title: 'Charged', kind: 'number' },
    { title: '', kind: 'bar' },
    ...['Calls', 'Input', 'Cache write', 'Cache read', 'Output', 'Estimated'].map((title) => ({
      title,
      kind: 'number' as const,
    })),
  ]
  return (['model', 'agent', 'bottle'] as const).map((dimension) => {
    const groups = groupsBy(dimension, usage)
    const largest = groups[0]?.chargeTokens ?? 0
    const rows = groups
      .slice(0, maxTopRows)
      .map((group) => [
        ...[group.name, group.providers.join(', '), group.chargeTokens],
        ...[sizeBar(largest === 0 ? 0 : group.chargeTokens / largest), group.exchanges, group.inputTokens],
        ...[group.cacheWriteTokens, group.cacheReadTokens, group.outputTokens, group.estimatedTokens],
      ])
    const title = `Top ${dimension}s`
    const further = groups.length - rows.length
    return html`<section class="card wide"><h2>${title}</h2>
${pageTable(title, [{ title: capital(dimension) }, { title: 'Provider' }, ...columns], rows)}
${further > 0 ? html`<p class="note">And ${further} more, which used less.</p>` : ''}</section>`
  })
}

export function legend(parts: readonly Pick<Series, 'name' | 'totalTokens'>[], whole: number): Html {
  return html`<ul class="legend">${parts.map(
    ({ name, totalTokens }, index) =>
      html`<li><svg aria-hidden="true" width="10" height="10"><rect class="s${index}" width="10" height="10" rx="3"/></svg><span class="name">${name}</span> <span class="count">${compactNumber(totalTokens)}</span> <span class="share">${percent(whole === 0 ? 0 : totalTokens / whole)}</span></li>`,
  )}</ul>`
}

function describe(series: readonly Series[]): string {
  return series.map(({ name, totalTokens }) => `${name}: ${groupedNumber(totalTokens)} tokens`).join('; ')
}

function behind(title: string, times: readonly string[], series: readonly Series[]): Html {
  const columns: readonly PageColumn[] = [
    { title: 'Time (UTC)', kind: 'whole' },
    ...series.map(({ name }) => ({ title: name, kind: 'number' as const })),
  ]
  const rows = times.flatMap((time, bin) => {
    const tokens = series.map((one) => one.tokens[bin] ?? 0)
    return tokens.some((count) => count > 0) ? [[time, ...tokens]] : []
  })
  return html`<details><summary>As a table</summary>${pageTable(title, columns, rows)}</details>`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
