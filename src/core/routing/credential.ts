/** How a secret becomes a header or a parameter of a request, and in which forms it must never come back. */
import type { AuthScheme } from './route.ts'

/** Why a text cannot be the secret of a scheme, as the end of a sentence about it. Never repeats the text. */
export function credentialFault({ kind }: AuthScheme, secret: string): string | undefined {
  switch (kind) {
    case 'bearer':
    case 'x-api-key':
      return /^[\x21-\x7e]+$/.test(secret) ? undefined : 'has a character that no HTTP header may have'
    case 'query':
      return /\p{Cc}/u.test(secret) ? 'has a control character' : undefined
    case 'header':
      return /^[\x20-\x7e]+$/.test(secret) ? undefined : 'has a character that no HTTP header may have'
    case 'basic':
      if (/\p{Cc}/u.test(secret)) return 'has a control character'
      return secret.includes(':') ? undefined : 'is not of the form USER:PASSWORD'
  }
}

/** `undefined` for a credential that goes into the query. */
export function credentialField(
  scheme: AuthScheme,
  secret: string,
): readonly [name: string, value: string] | undefined {
  switch (scheme.kind) {
    case 'bearer':
      return ['authorization', `Bearer ${secret}`]
    case 'basic':
      return ['authorization', `Basic ${base64(secret)}`]
    case 'x-api-key':
      return ['x-api-key', secret]
    case 'header':
      return [scheme.name, secret]
    case 'query':
      return undefined
  }
}

/** `NAME=SECRET`, percent-encoded (RFC 3986 §2.1); `undefined` for a credential that goes into a header. */
export function credentialParameter(scheme: AuthScheme, secret: string): string | undefined {
  return scheme.kind === 'query' ? `${encodeURIComponent(scheme.name)}=${encodeURIComponent(secret)}` : undefined
}

/** The secret as an answer could show it: itself, coded as it was sent, in a URL, and in JSON. The longest first. */
export function credentialTraces({ kind }: AuthScheme, secret: string): readonly string[] {
  const parts = kind === 'basic' ? [secret, secret.slice(secret.indexOf(':') + 1), base64(secret)] : [secret]
  const traces = parts.flatMap((part) => [part, ...inUrl(part), ...inJson(part)]).filter((trace) => trace !== '')
  return [...new Set(traces)].toSorted((one, other) => other.length - one.length)
}

function inUrl(text: string): readonly string[] {
  const coded = encodeURIComponent(text)
  return [coded, coded.replaceAll(/%[0-9A-F]{2}/g, (digits) => digits.toLowerCase()), coded.replaceAll('%20', '+')]
}

function inJson(text: string): readonly string[] {
  const coded = JSON.stringify(text).slice(1, -1)
  return [coded, coded.replaceAll('/', '\\/')]
}

/** UTF-8 (RFC 7617 §2.1). */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}
