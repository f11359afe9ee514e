/**
 * The one canonical spelling of a host, made once where a name enters (SNI, CONNECT, Host); it alone is used afterwards.
 * Safety: whatever two parsers could read differently is refused, not repaired: user info, zones, percent signs, controls,
 * non-ASCII letters. Names that a resolver would take for an IPv4 address (decimal, octal, hex, short) are addresses.
 */
export type CanonicalHost =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'address' }
  | { readonly kind: 'invalid'; readonly why: string }

const maxNameLength = 253
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** The last label decides, as in the URL standard's "ends in a number" (https://url.spec.whatwg.org/#ends-in-a-number-checker). */
const numberLabel = /^(?:\d+|0x[0-9a-f]*)$/

export function canonicalHost(text: string): CanonicalHost {
  if (text.startsWith('[')) return { kind: 'address' }
  // Before the case is folded: the Kelvin sign would become a k.
  if (/[^\x21-\x7e]/.test(text)) return { kind: 'invalid', why: 'it has a control or non-ASCII character' }
  const name = text.toLowerCase().replace(/\.$/, '')
  if (name === '') return { kind: 'invalid', why: 'it is empty' }
  if (name.length > maxNameLength) return { kind: 'invalid', why: `it is longer than ${maxNameLength} characters` }
  const labels = name.split('.')
  if (numberLabel.test(labels.at(-1) ?? '')) return { kind: 'address' }
  if (!labels.every((part) => label.test(part))) {
    return { kind: 'invalid', why: 'it has an empty label or a character that no host name has' }
  }
  return { kind: 'name', name }
}

/**
 * Splits `host[:port]` as a Host header, an absolute form and a CONNECT target have it (RFC 9112 §3.2, RFC 3986 §3.2).
 * `undefined`: not that shape, or a port that is no decimal number from 1 to 65535.
 */
export function splitAuthority(
  authority: string,
): { readonly host: string; readonly port: number | undefined } | undefined {
  const found = /^(\[[^\]]*\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(authority)
  if (!found?.[1]) return undefined
  if (found[2] === undefined) return { host: found[1], port: undefined }
  const port = Number(found[2])
  return port >= 1 && port <= 65_535 ? { host: found[1], port } : undefined
}
