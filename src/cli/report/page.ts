/**
 * A report as one page that asks nobody for anything: no script, one style, which its own policy names by its hash, and no link.
 * `pageMark` tells our pages from other files.
 */
import { createHash } from 'node:crypto'
import { utcMinute } from '../../core/calendar.ts'
import { compactNumber } from '../../core/compact-number.ts'
import { groupedNumber } from '../table.ts'
import { percent } from './charts.ts'
import { budgetsSection, denialsSection, enforcementsSection } from './enforcement-sections.ts'
import { isCut } from './enforcements.ts'
import { type Html, html } from './html.ts'
import type { Report } from './read-report.ts'
import { pageStyle } from './style.ts'
import { cacheShareOf, sumOf } from './sums.ts'
import { cacheSection, classesSection, timeSections, topSections } from './usage-sections.ts'

export const pageMark = '<!doctype html>\n<!-- bot-bottle report -->\n'

export function pageOf(report: Report): string {
  const styleHash = createHash('sha256').update(pageStyle).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'`
  const span = spanInWords(report)
  const body =
    report.usage.length === 0 ? html`<p class="card wide empty">Nothing was used in this time.</p>` : usageOf(report)
  const page = html`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>bot-bottle report: ${span}</title>
<style>${{ markup: pageStyle }}</style>
</head>
<body>
<header><div><p class="brand">bot-bottle</p><h1>Token report</h1></div><p class="span">${span}<br><span class="made">made ${utcMinute(report.madeAtMs)} by version ${report.version}</span></p></header>
<main>
${tiles(report)}
${body}
${budgetsSection(report)}
${enforcementsSection(report)}
${denialsSection(report)}
</main>
<footer><p>Tokens are charged as budgets count them; estimated are those that no provider reported. All times are UTC, and usage is kept by the hour in which a call ended.</p></footer>
</body>
</html>
`
  return pageMark + page.markup
}

function usageOf(report: Report): Html {
  return html`${classesSection(report)}
${timeSections(report)}
${cacheSection(report)}
${topSections(report)}`
}

function tiles({ usage, enforcements, denials }: Report): Html {
  const sums = sumOf(usage)
  const cacheShare = cacheShareOf(sums)
  const cuts = enforcements.filter(isCut).length
  const refused = denials.reduce((sum, { count }) => sum + count, 0)
  const bottles = new Set(usage.map(({ bottle }) => bottle)).size
  const estimated = sums.chargeTokens === 0 ? 0 : sums.estimatedTokens / sums.chargeTokens
  const figures: readonly (readonly [title: string, figure: string, exact: string])[] = [
    ['Charged tokens', compactNumber(sums.chargeTokens), groupedNumber(sums.chargeTokens)],
    ['Calls', compactNumber(sums.exchanges), `in ${groupedNumber(bottles)} ${bottles === 1 ? 'bottle' : 'bottles'}`],
    ['Cache share', cacheShare === undefined ? '–' : percent(cacheShare), 'of prompt tokens'],
    ['Estimated', percent(estimated), `${groupedNumber(sums.estimatedTokens)} tokens`],
    ['Cuts', groupedNumber(cuts), 'of bottles'],
    ['Denied requests', compactNumber(refused), `at ${groupedNumber(denials.length)} places`],
  ]
  return html`<dl class="tiles">${figures.map(
    ([title, figure, exact]) =>
      html`<div class="tile"><dt>${title}</dt><dd class="figure">${figure}</dd><dd class="exact">${exact}</dd></div>`,
  )}</dl>`
}

function spanInWords({ span, bins, madeAtMs }: Report): string {
  const since =
    span.sinceMs === undefined ? (bins.names[0] ?? '').replace('T', ' ').replace('Z', ' UTC') : utcMinute(span.sinceMs)
  return `${since} to ${utcMinute(span.untilMs ?? madeAtMs)}`
}
