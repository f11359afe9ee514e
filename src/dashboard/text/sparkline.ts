/** A row of little columns, each the sum of some neighbouring values; the highest fills its line. Nothing at all is a space. */
const heights = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

export function sparkline(values: readonly number[], widthColumns: number): string {
  const sums = Array.from({ length: widthColumns }, (_, column) => {
    const from = Math.floor((column * values.length) / widthColumns)
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / widthColumns))
    return values.slice(from, to).reduce((sum, value) => sum + value, 0)
  })
  const highest = Math.max(...sums)
  return sums
    .map((sum) => (sum <= 0 ? ' ' : (heights[Math.ceil((sum / highest) * heights.length) - 1] ?? ' ')))
    .join('')
}
