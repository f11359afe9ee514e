/** How much of a budget is used, as a bar and a number whose tone tells how near its end is. */
import { barOnTrack } from '../../cli/bar.ts'
import type { BudgetRow } from '../model/budgets.ts'
import { type Line, span, type Tone } from '../text/line.ts'

const warnShare = 0.8
const badShare = 0.95

export function usedTone(share: number): Tone {
  return share >= badShare ? 'bad' : share >= warnShare ? 'warn' : 'good'
}

/** Settled solid, held lighter: `█████▒░░░  52 %`. Rounded down: 100 only when nothing is left. */
export function usedBar({ budget, heldTokens, usedShare }: BudgetRow, barColumns: number): Line {
  const { limitTokens, settledTokens } = budget
  const [solid, light] = limitTokens === 0 ? [1, 0] : [settledTokens, heldTokens]
  const tone = usedTone(usedShare)
  const percent = Math.min(999, Math.floor(usedShare * 100))
  return [
    span(barOnTrack({ solid, light, whole: limitTokens, widthColumns: barColumns }), tone),
    span(`${String(percent).padStart(4)} %`, tone === 'good' ? 'plain' : tone),
  ]
}
