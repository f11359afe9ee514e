/**
 * What of a head passes, in each direction. Safety: hop-by-hop fields end here (RFC 9110 §7.6.1), every credential that a
 * client sends is dropped, and the real one never comes back in a head.
 */
import { credentialFields, credentialParameter, credentialTraces } from '../core/routing/credential.ts'
import type { AuthScheme } from '../core/routing/route.ts'
import { narrowedAcceptEncoding } from './content-codings.ts'

const hopByHop = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]) // prettier-ignore
const clientCredentials = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'x-auth-token',
  'x-access-token',
  'private-token',
  'job-token',
])
const credentialParameters = new Set([
  'key',
  'api_key',
  'api-key',
  'apikey',
  'access_token',
  'auth_token',
  'oauth_token',
  'private_token',
  'token',
])
/** Some servers do the method that one of these names instead of the one that was decided on. */
const methodOverrides = new Set(['x-http-method-override', 'x-http-method', 'x-method-override'])
/** They leave the usage out of an answer. */
const answerMasks = new Set(['x-goog-fieldmask'])
/** Written anew by us. */
const ownFields = new Set(['host', 'content-length', 'expect', 'accept-encoding'])
/** Would lead a client around the proxy (RFC 7838). */
const responseOnlyDropped = new Set(['alt-svc'])

export type RawHeaders = readonly string[]

/** The real credential, and how it is presented. */
export interface Authorization {
  readonly scheme: AuthScheme
  readonly secret: string
}

export interface UpstreamHeadOptions {
  readonly raw: RawHeaders
  /** Takes the place of every credential of the client's, which pass where there is none. */
  readonly authorization: Authorization | undefined
  /** Of the body that will be sent; `undefined` sends none of its own framing. */
  readonly contentLength: number | undefined
  /** In which coding the answer may come: in any that the client takes, in one that the meter reads, in none if the client takes that. */
  readonly answerCoding: AnswerCoding
}

export type AnswerCoding = 'any' | 'readable' | 'none'

export function upstreamHeaders({ raw, authorization, contentLength, answerCoding }: UpstreamHeadOptions): string[] {
  const named = connectionTokens(raw)
  const own = authorization ? credentialFields(authorization.scheme, authorization.secret) : []
  const ownNames = new Set(own.map(([name]) => spelling(name)))
  const headers: string[] = []
  for (const [name, value] of pairs(raw)) {
    const key = spelling(name)
    if (hopByHop.has(key) || methodOverrides.has(key) || named.has(key)) continue
    if (authorization && (clientCredentials.has(key) || ownNames.has(key))) continue
    if (answerCoding !== 'any' && answerMasks.has(key)) continue
    if (key === 'accept-encoding' && answerCoding === 'any') headers.push(name, value)
    if (!ownFields.has(key)) headers.push(name, value)
  }
  if (answerCoding !== 'any') {
    const offered = headerValues(raw, 'accept-encoding')
    headers.push('accept-encoding', narrowedAcceptEncoding(offered, { prefersNone: answerCoding === 'none' }))
  }
  if (contentLength !== undefined) headers.push('content-length', String(contentLength))
  headers.push(...own.flat())
  return headers
}

/** Takes the real credential out of a reason phrase or a field's value. */
export type Scrub = (text: string) => string

/** Every form in which it could come back. */
export function tracesOf(authorization: Authorization | undefined): readonly string[] {
  return authorization ? credentialTraces(authorization.scheme, authorization.secret) : []
}

export function scrubOf(traces: readonly string[], placeholder: string): Scrub {
  return (text) => traces.reduce((clean, trace) => clean.replaceAll(trace, placeholder), text)
}

/** The response's head for the client. */
export function clientHeaders(raw: RawHeaders, scrub: Scrub): string[] {
  const named = connectionTokens(raw)
  const headers: string[] = []
  for (const [name, value] of pairs(raw)) {
    const key = spelling(name)
    if (hopByHop.has(key) || responseOnlyDropped.has(key) || named.has(key)) continue
    headers.push(name, scrub(value))
  }
  return headers
}

/** With the real credential in place of the client's, where it goes into the query. */
export function authorizedQuery(query: string, { scheme, secret }: Authorization): string {
  const own = credentialParameter(scheme, secret)
  const kept = withoutCredentialParameters(query, scheme.kind === 'query' ? scheme.name : undefined)
  if (own === undefined) return kept
  return kept === '' ? `?${own}` : `${kept}&${own}`
}

/** The query without parameters that carry a credential, and without `further`; other bytes as they came. */
export function withoutCredentialParameters(query: string, further?: string): string {
  if (query === '') return query
  const isKept = (name: string) => !credentialParameters.has(name) && name !== further?.toLowerCase()
  const kept = query
    .slice(1)
    .split('&')
    .filter((parameter) => isKept(parameterName(parameter)))
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}

export function headerValues(raw: RawHeaders, wanted: string): string[] {
  return [...pairs(raw)].filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
}

export function withoutField(raw: RawHeaders, unwanted: string): RawHeaders {
  return [...pairs(raw)].filter(([name]) => spelling(name) !== unwanted).flat()
}

/** Fields that Connection names end here too, but it cannot name away what we rely on. */
function connectionTokens(raw: RawHeaders): Set<string> {
  const tokens = headerValues(raw, 'connection').flatMap((value) => value.split(','))
  return new Set(tokens.map((token) => spelling(token.trim())))
}

/** Some servers read `_` as `-` (CGI, RFC 3875 §4.1.18): both are one name here. */
function spelling(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

function parameterName(parameter: string): string {
  const name = parameter.split('=', 1)[0] ?? ''
  try {
    return decodeURIComponent(name.replaceAll('+', ' ')).toLowerCase()
  } catch {
    return name.toLowerCase()
  }
}

function* pairs(raw: RawHeaders): Generator<readonly [name: string, value: string]> {
  for (let index = 0; index + 1 < raw.length; index += 2) yield [raw[index] ?? '', raw[index + 1] ?? '']
}
