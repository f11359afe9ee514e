/** Horizontal bars of block characters, to an eighth of a column. A terminal that cannot show them gets `asciiOf` them. */

export interface BarRules {
  /** What counts fully, drawn solid. */
  readonly solid: number
  /** What comes on top of it, drawn lighter. */
  readonly light: number
  /** What fills the whole width. */
  readonly whole: number
  readonly widthColumns: number
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
export const lightGlyph = '▒'
const trackGlyph = '░'

/** Anything that is more than nothing is seen, and nothing but the whole fills the width. */
export function barOf({ solid, light, whole, widthColumns }: BarRules): string {
  const total = lengthInEighths(solid + light, whole, widthColumns)
  if (light === 0) return '█'.repeat(Math.floor(total / 8)) + (eighths[total % 8] ?? '')
  const columns = Math.max(Math.ceil(total / 8), solid > 0 ? 2 : 1)
  const solidColumns = Math.min(Math.ceil(lengthInEighths(solid, whole, widthColumns) / 8), columns - 1)
  return '█'.repeat(solidColumns) + lightGlyph.repeat(columns - solidColumns)
}

/** The same on a track as long as the whole. */
export function barOnTrack(rules: BarRules): string {
  return barOf(rules).padEnd(rules.widthColumns, trackGlyph)
}

function lengthInEighths(part: number, whole: number, widthColumns: number): number {
  if (part <= 0) return 0
  if (part >= whole) return widthColumns * 8
  return Math.max(1, Math.floor((part / whole) * widthColumns * 8))
}
