/**
 * Splits a request target into the path that rules decide on and the query.
 * Safety: bytes decided are bytes forwarded. A path that two servers could read differently (dot segments, doubled
 * slashes, encoded slashes and dots, backslashes, parameters, controls) is refused, never normalised.
 */
export type RequestPath =
  | { readonly kind: 'path'; readonly path: string; readonly query: string }
  | { readonly kind: 'refused'; readonly why: string }

const maxTargetLength = 16 * 1024
const oddities: readonly (readonly [RegExp, string])[] = [
  [/[^\x21-\x7e]/, 'it has a control or non-ASCII character'],
  [/[\\;#]/, 'it has one of \\ ; #'],
  [/\/\//, 'it has an empty segment'],
  [/%(?![0-9a-f]{2})/i, 'it has a percent sign that encodes nothing'],
  [/%(?:2e|2f|5c|25|00|3b)/i, 'it encodes one of . / \\ % ; or NUL'],
  [/\/\.{1,2}(?:\/|$)/, 'it has a dot segment'],
]

export function requestPath(target: string): RequestPath {
  if (target.length > maxTargetLength)
    return { kind: 'refused', why: `it is longer than ${maxTargetLength} characters` }
  if (!target.startsWith('/')) return { kind: 'refused', why: 'it does not begin with /' }
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark)
  const odd = oddities.find(([pattern]) => pattern.test(path)) ?? (/[^\x21-\x7e]/.test(query) ? oddities[0] : undefined)
  return odd ? { kind: 'refused', why: odd[1] } : { kind: 'path', path, query }
}
