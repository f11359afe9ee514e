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
    case 'chatgpt':
      return /^[\x21-\x39\x3b-\x7e]+:[\x21-\x7e]+$/.test(secret) ? undefined : 'is no account with its token'
    case 'basic':
      if (/\p{Cc}/u.test(secret)) return 'has a control character'
      return secret.includes(':') ? undefined : 'is not of the form USER:PASSWORD'
  }
}

/** None for a credential that goes into the query. */
export function credentialFields(
  scheme: AuthScheme,
  secret: string,
): readonly (readonly [name: string, value: string])[] {
  switch (scheme.kind) {
    case 'bearer':
      return [['authorization', `Bearer ${secret}`]]
    case 'chatgpt': {
      const [account, token] = halves(secret)
      return [
        ['authorization', `Bearer ${token}`],
        ['chatgpt-account-id', account],
      ]
    }
    case 'basic':
      return [['authorization', `Basic ${base64(secret)}`]]
    case 'x-api-key':
      return [['x-api-key', secret]]
    case 'header':
      return [[scheme.name, secret]]
    case 'query':
      return []
  }
}

/** `NAME=SECRET`, percent-encoded (RFC 3986 §2.1); `undefined` for a credential that goes into a header. */
export function credentialParameter(scheme: AuthScheme, secret: string): string | undefined {
  return scheme.kind === 'query' ? `${encodeURIComponent(scheme.name)}=${encodeURIComponent(secret)}` : undefined
}

/** The secret as an answer could show it: itself, coded as it was sent, in a URL, and in JSON. The longest first. */
export function credentialTraces({ kind }: AuthScheme, secret: string): readonly string[] {
  const traces = secretParts(kind, secret)
    .flatMap((part) => [part, ...inUrl(part), ...inJson(part)])
    .filter((trace) => trace !== '')
  return [...new Set(traces)].toSorted((one, other) => other.length - one.length)
}

function secretParts(kind: AuthScheme['kind'], secret: string): readonly string[] {
  if (kind === 'basic') return [secret, halves(secret)[1], base64(secret)]
  // Which account it is is no secret, and stands in what its owner asks for.
  return [kind === 'chatgpt' ? halves(secret)[1] : secret]
}

function halves(secret: string): readonly [before: string, after: string] {
  const colon = secret.indexOf(':')
  return [secret.slice(0, colon), secret.slice(colon + 1)]
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
