/** Whether one pattern of `path-pattern.ts` matches every path that another one matches. */
export function coversPath(wide: string, narrow: string): boolean {
  const outer = wide.split('/')
  const inner = narrow.split('/')
  if (outer.at(-1) === '**') {
    const fixed = outer.slice(0, -1)
    return inner.length > fixed.length && fixed.every((segment, index) => coversSegment(segment, inner[index] ?? ''))
  }
  if (inner.at(-1) === '**' || inner.length !== outer.length) return false
  return outer.every((segment, index) => coversSegment(segment, inner[index] ?? ''))
}

function coversSegment(wide: string, narrow: string): boolean {
  const star = wide.indexOf('*')
  if (star === -1) return wide === narrow
  const [before, after] = [wide.slice(0, star), wide.slice(star + 1)]
  return narrow.length >= wide.length && narrow.startsWith(before) && narrow.endsWith(after)
}
