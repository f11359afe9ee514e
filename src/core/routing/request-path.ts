/**
 * Splits a request target into the path that rules decide on and the query.
 * Safety: bytes decided are bytes forwarded. A path that two servers could read differently is never normalised. Dot segments,
 * doubled slashes, backslashes and controls are refused; encoded slashes and dots and parameters, which some services need,
 * are told of: no rule that looks at the path may let them pass.
 */
export type RequestPath =
  | {
      readonly kind: 'path'
      readonly path: string
      readonly query: string
      /** Why no rule about paths holds for it. */
      readonly oddity: string | undefined
    }
  | { readonly kind: 'refused'; readonly why: string }

const maxTargetLength = 16 * 1024
type Fault = readonly [pattern: RegExp, why: string]
const control: Fault = [/[^\x21-\x7e]/, 'it has a control or non-ASCII character']
const faults: readonly Fault[] = [
  control,
  [/[\\#]/, 'it has one of \\ #'],
  [/\/\//, 'it has an empty segment'],
  [/%(?![0-9a-f]{2})/i, 'it has a percent sign that encodes nothing'],
  [/%00/, 'it encodes NUL'],
  [/\/\.{1,2}(?:\/|$)/, 'it has a dot segment'],
]
const oddities: readonly Fault[] = [
  [/;/, 'it has a ;'],
  [/%(?:2e|2f|5c|25|3b)/i, 'it encodes one of . / \\ % ;'],
]

export function requestPath(target: string): RequestPath {
  if (target.length > maxTargetLength)
    return { kind: 'refused', why: `it is longer than ${maxTargetLength} characters` }
  if (!target.startsWith('/')) return { kind: 'refused', why: 'it does not begin with /' }
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark)
  const fault = faults.find(([pattern]) => pattern.test(path)) ?? (control[0].test(query) ? control : undefined)
  if (fault) return { kind: 'refused', why: fault[1] }
  return { kind: 'path', path, query, oddity: oddities.find(([pattern]) => pattern.test(path))?.[1] }
}
