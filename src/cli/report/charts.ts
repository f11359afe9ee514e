/**
 * Charts as inline SVG that needs no script: places along the time are percentages, so that a chart fills whatever width it gets
 * and its text stays as large as that of the page. Every chart has a title and a description; its figures are in a table beside it.
 */
import { compactNumber } from '../../core/compact-number.ts'
import { groupedNumber } from '../table.ts'
import { type Html, html, nothing } from './html.ts'
import { spreadIndexes, ticksUpTo } from './scale.ts'
import type { Series } from './sums.ts'

export interface ChartFrame {
  /** Of the page's elements, one of its own. */
  readonly id: string
  readonly title: string
  readonly description: string
  /** Names of the time steps. */
  readonly times: readonly string[]
}

const plotHeight = 190
const timesHeight = 26
const maxTimeLabels = 6
/** Those with a clock are longer. */
const maxHourLabels = 4
/** Of the width; a bar of few is no wider. */
const maxBarPercent = 7
const barShare = 0.78
const minGapHeight = 3

/** Bars over time, the first series at the bottom. */
export function stackedBars(frame: ChartFrame, series: readonly Series[]): Html {
  const totals = frame.times.map((_, bin) => series.reduce((sum, { tokens }) => sum + (tokens[bin] ?? 0), 0))
  const ticks = ticksUpTo(Math.max(...totals))
  const top = ticks.at(-1) ?? 1
  const slot = 100 / frame.times.length
  const width = Math.min(slot * barShare, maxBarPercent)
  const bars = frame.times.map((time, bin) => {
    let below = 0
    return html`${series.map(({ name, tokens }, index) => {
      const count = tokens[bin] ?? 0
      if (count === 0) return nothing
      const height = (count / top) * plotHeight
      const gap = below > 0 && height > minGapHeight ? 1 : 0
      const y = plotHeight - below - height
      below += height
      return html`<rect class="s${index}" x="${fixed((bin + 0.5) * slot - width / 2)}%" y="${fixed(y)}" width="${fixed(width)}%" height="${fixed(height - gap)}"><title>${time} · ${name}: ${groupedNumber(count)}</title></rect>`
    })}`
  })
  return chart(frame, html`${gridLines(ticks.map((tick) => ({ share: tick / top, label: roundNumber(tick) })))}${bars}`)
}

/** A line over time of shares from 0 to 1; it is broken where there is none. */
export function shareLine(frame: ChartFrame, shares: readonly (number | undefined)[]): Html {
  const slot = 100 / shares.length
  const points = shares.flatMap((share, bin) => (share === undefined ? [] : [{ bin, share }]))
  const dots = points.map(
    ({ bin, share }) =>
      html`<circle class="dot" cx="${fixed((bin + 0.5) * slot)}%" cy="${fixed(plotHeight * (1 - share))}" r="3"><title>${frame.times[bin] ?? ''}: ${percent(share)}</title></circle>`,
  )
  const runs = points.reduce<(typeof points)[]>((done, point) => {
    const last = done.at(-1)
    if (last?.at(-1)?.bin === point.bin - 1) last?.push(point)
    else done.push([point])
    return done
  }, [])
  const lines = runs.map((run) => {
    const line = run.map(({ bin, share }) => `${bin + 0.5},${fixed(1 - share)}`)
    const [first, last] = [run[0]?.bin ?? 0, run.at(-1)?.bin ?? 0]
    return html`<polygon class="area" points="${first + 0.5},1 ${line.join(' ')} ${last + 0.5},1"/><polyline class="line" points="${line.join(' ')}"/>`
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => ({ share, label: percent(share) }))
  return chart(
    frame,
    html`${gridLines(ticks)}<svg y="0" width="100%" height="${plotHeight}" viewBox="0 0 ${shares.length} 1" preserveAspectRatio="none">${lines}</svg>${dots}`,
  )
}

/** A bar of parts next to each other that together fill the width. */
export function partsBar(title: string, parts: readonly { readonly name: string; readonly count: number }[]): Html {
  const whole = parts.reduce((sum, { count }) => sum + count, 0)
  let before = 0
  const rects = parts.map(({ name, count }, index) => {
    const [x, width] = [before, whole === 0 ? 0 : (count / whole) * 100]
    before += width
    return html`<rect class="s${index}" x="${fixed(x)}%" width="${fixed(width)}%" height="18"><title>${name}: ${groupedNumber(count)}</title></rect>`
  })
  return html`<svg class="parts" role="img" aria-label="${title}" height="18">${rects}</svg>`
}

/** How much of a limit is settled, and held on top of it. */
export function meterBar({ settled, held, limit }: Readonly<Record<'settled' | 'held' | 'limit', number>>): Html {
  const share = (tokens: number) => (limit === 0 ? 1 : Math.min(1, tokens / limit))
  const usedPercent = share(settled + held) * 100
  const settledPercent = share(settled) * 100
  const state = usedPercent >= 100 ? 'spent' : usedPercent >= 80 ? 'near' : 'fine'
  return html`<svg class="meter ${state}" role="img" aria-label="${percent(share(settled + held))} used" height="10"><rect class="track" width="100%" height="10" rx="5"/><rect class="held" width="${fixed(usedPercent)}%" height="10" rx="5"/><rect class="settled" width="${fixed(settledPercent)}%" height="10" rx="5"/></svg>`
}

/** The size of a row among those of its table. */
export function sizeBar(share: number): Html {
  return html`<svg class="size" aria-hidden="true" height="8"><rect class="s0" width="${fixed(share * 100)}%" height="8" rx="2"/></svg>`
}

/** `43.2 %`, never 100 for less than all. */
export function percent(share: number): string {
  return `${Math.floor(share * 1_000 + 1e-9) / 10} %`
}

function chart({ id, title, description, times }: ChartFrame, content: Html): Html {
  const labels = spreadIndexes(times.length, times[0]?.includes('T') ? maxHourLabels : maxTimeLabels).map(
    (bin, index) =>
      html`<text class="time${index % 2 === 1 ? ' second' : ''}" x="${fixed(((bin + 0.5) * 100) / times.length)}%" y="${plotHeight + 19}">${timeLabel(times[bin] ?? '')}</text>`,
  )
  return html`<svg class="chart" role="img" aria-labelledby="${id}-title ${id}-description" height="${plotHeight + timesHeight}"><title id="${id}-title">${title}</title><desc id="${id}-description">${description}</desc>${content}${labels}</svg>`
}

function gridLines(ticks: readonly { readonly share: number; readonly label: string }[]): Html {
  return html`${ticks.map(({ share, label }) => {
    const y = fixed(plotHeight * (1 - share))
    return html`<line class="${share === 0 ? 'axis' : 'grid'}" x1="0" x2="100%" y1="${y}" y2="${y}"/><text class="tick" x="-8" y="${y}" dy="0.32em">${label}</text>`
  })}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `22 Nov 08:00`, `22 Nov`, `Nov 2026` */
export function timeLabel(name: string): string {
  const [year = '', month = '', day, clock] = name.replace('Z', '').split(/[-T]/)
  const monthName = months[Number(month) - 1] ?? month
  if (day === undefined) return `${monthName} ${year}`
  return [String(Number(day)), monthName, ...(clock === undefined ? [] : [clock])].join(' ')
}

/** `7.5M` where a figure elsewhere is `7.50M`. */
function roundNumber(count: number): string {
  return compactNumber(count)
    .replace(/(\.\d*?)0+(?=\D)/, '$1')
    .replace(/\.(?=\D)/, '')
}

function fixed(number: number): string {
  return String(Math.round(number * 100) / 100)
}
