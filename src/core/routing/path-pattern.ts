/**
 * Which paths a rule is about. `*` stands for one or more characters of one segment and may stand once in it;
 * `**` as the last segment for any rest, also none. Everything else is compared byte by byte.
 * Safety: only paths without an oddity (`requestPath`) are held against patterns; nothing is decoded here, so an encoded letter
 * is not that letter.
 */
import { requestPath } from './request-path.ts'

export function matchesPath(pattern: string, path: string): boolean {
  const star = pattern.indexOf('*')
  if (star === -1) return pattern === path
  if (!path.startsWith(pattern.slice(0, star))) return false
  const wanted = pattern.split('/')
  const found = path.split('/')
  const hasRest = wanted.at(-1) === '**'
  if (hasRest ? found.length < wanted.length : found.length !== wanted.length) return false
  return wanted.every((segment, index) => segment === '**' || matchesSegment(segment, found[index] ?? ''))
}

function matchesSegment(pattern: string, segment: string): boolean {
  const star = pattern.indexOf('*')
  if (star === -1) return pattern === segment
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)]
  return segment.length >= pattern.length && segment.startsWith(before) && segment.endsWith(after)
}

/** Why a text is no pattern, as the end of a sentence that begins with it. */
export function pathPatternFault(pattern: string): string | undefined {
  const segments = pattern.split('/')
  if (segments.slice(0, -1).includes('**')) return 'has ** before its end, where only * can stand'
  const starred = segments.find((segment) => segment !== '**' && segment.indexOf('*') !== segment.lastIndexOf('*'))
  if (starred !== undefined) return `has more than one * in the segment "${starred}"`
  const written = requestPath(pattern)
  const why = written.kind === 'refused' ? written.why : written.oddity
  if (written.kind === 'refused' || why !== undefined) return `is no path that can be decided on: ${why}`
  return written.query === '' ? undefined : 'has a query, which no rule looks at'
}
