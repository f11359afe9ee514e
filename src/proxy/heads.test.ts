import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuthScheme } from '../core/routing/route.ts'
import {
  type AnswerCoding,
  authorizedQuery,
  clientHeaders,
  headerValues,
  scrubOf,
  tracesOf,
  upstreamHeaders,
  withoutCredentialParameters,
} from './heads.ts'

const apiKey: AuthScheme = { kind: 'header', name: 'x-api-key' }
const bearer: AuthScheme = { kind: 'bearer' }
const real = 'real-key'

function sent(raw: readonly string[], options: Partial<Parameters<typeof upstreamHeaders>[0]> = {}): string[] {
  const authorization = { scheme: apiKey, secret: real }
  return upstreamHeaders({ raw, authorization, contentLength: 5, answerCoding: 'readable', ...options })
}

/** Name (lower case) and value of each field, as text that is easy to compare. */
function fields(raw: readonly string[]): string[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [`${name.toLowerCase()}: ${raw[index + 1]}`] : []))
}

const ours = ['accept-encoding: identity', 'content-length: 5', `x-api-key: ${real}`]

describe('the head for the upstream', () => {
  it.each([
    'authorization',
    'Authorization',
    'AUTHORIZATION',
    'x-api-key',
    'X-Api-Key',
    'X_API_KEY',
    'x_api-key',
    'api-key',
    'api_key',
    'x-goog-api-key',
    'X_Goog_Api_Key',
    'cookie',
    'Cookie',
    'x-auth-token',
    'X_AUTH_TOKEN',
    'proxy-authorization',
    'Proxy_Authorization',
    'proxy_authorization',
  ])('never carries the %s of the client (C01, H10)', (name) => {
    expect(fields(sent([name, 'client-secret', 'x-other', 'kept']))).toEqual(['x-other: kept', ...ours])
  })

  it('carries a credential in a field of its own name once, ours (C01)', () => {
    const scheme: AuthScheme = { kind: 'header', name: 'X-Company-Key' }
    const head = sent(['x-company-key', 'mine', 'X_Company_Key', 'mine too'], {
      authorization: { scheme, secret: real },
    })
    expect(fields(head).filter((field) => field.includes('key'))).toEqual([`x-company-key: ${real}`])
  })

  it('carries a bearer as Authorization', () => {
    const authorization = { scheme: bearer, secret: real }
    expect(fields(sent(['Authorization', 'Bearer mine'], { authorization })).at(-1)).toBe(
      `authorization: Bearer ${real}`,
    )
  })

  it.each([
    'Connection',
    'keep-alive',
    'Keep_Alive',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Transfer_Encoding',
    'Upgrade',
    'Expect',
    'Content-Length',
    'Content_Length',
    'Host',
  ])('does not carry the hop-by-hop or framing field %s of the client (H10)', (name) => {
    expect(fields(sent([name, 'x']))).toEqual(ours)
  })

  it.each(['X-HTTP-Method-Override', 'x_http_method', 'X-Method-Override'])(
    'does not carry %s: the method that was decided on is done (I3, H10)',
    (name) => expect(fields(sent([name, 'POST']))).toEqual(ours),
  )

  it('does not carry what would leave the usage out of a metered answer (I3)', () => {
    const mask = ['X-Goog-FieldMask', 'candidates']
    expect(fields(sent(mask))).toEqual(ours)
    expect(fields(sent(mask, { answerCoding: 'any' }))).toContain('x-goog-fieldmask: candidates')
  })

  it('drops what Connection names, but not what we put in (H10)', () => {
    const named = ['Connection', 'close, X-Api-Key, x_mine', 'connection', 'content-length,accept-encoding,host']
    expect(fields(sent([...named, 'X-Mine', '1', 'x-stays', '2']))).toEqual(['x-stays: 2', ...ours])
  })

  it('keeps order, spelling, repetition and odd values of everything else', () => {
    const raw = ['X-B', '1', 'x-a', '', 'X-B', '2', 'Anthropic-Beta', 'a, b', 'X-Latin', '\u00e9']
    expect(sent(raw).slice(0, raw.length)).toEqual(raw)
  })

  it('leaves the coding of the answer to the client, to what is readable of that, or asks for none', () => {
    const asked = (answerCoding: AnswerCoding, ...offered: readonly string[]) =>
      headerValues(sent(offered, { answerCoding }), 'accept-encoding')
    const offered = ['Accept-Encoding', 'gzip, odd', 'accept-encoding', 'br']
    expect(asked('any', ...offered)).toEqual(['gzip, odd', 'br'])
    expect(asked('readable', ...offered)).toEqual(['gzip, br'])
    expect(asked('none', ...offered)).toEqual(['identity'])
    expect(asked('any')).toEqual([])
    expect(asked('readable')).toEqual(['identity'])
  })

  it('never carries a value of the client that stood in a credential field, whatever the spelling (C01)', () => {
    const spelling = fc
      .constantFrom('authorization', 'x-api-key', 'api-key', 'cookie', 'x-goog-api-key', 'proxy-authorization')
      .chain((name) => fc.mixedCase(fc.constant(name)))
      .chain((name) => fc.constantFrom(name, name.replaceAll('-', '_'), name.replace('-', '_')))
    fc.assert(
      fc.property(fc.array(spelling, { minLength: 1, maxLength: 6 }), (names) => {
        const head = sent(names.flatMap((name) => [name, 'client-secret']))
        expect(head).not.toContain('client-secret')
        expect(head.filter((value) => value === real)).toHaveLength(1)
      }),
    )
  })
})

describe('the head for a route without a credential', () => {
  const passed = (raw: readonly string[]) => sent(raw, { authorization: undefined, answerCoding: 'any' })

  it("carries the client's own credentials and cookies as they came (C02)", () => {
    const raw = ['Authorization', 'Bearer mine', 'X_API_KEY', 'mine', 'Cookie', 'a=1', 'Cookie', 'b=2']
    expect(passed(raw)).toEqual([...raw, 'content-length', '5'])
  })

  it('carries no hop-by-hop field either, nor what Connection names (H10)', () => {
    const raw = ['Proxy_Authorization', 'x', 'Connection', 'authorization', 'Authorization', 'mine', 'TE', 'trailers']
    expect(passed(raw)).toEqual(['content-length', '5'])
  })
})

describe('the head for the client', () => {
  const scrub = scrubOf(tracesOf({ scheme: bearer, secret: real }), 'placeholder')

  it('shows the placeholder wherever the upstream echoes the real credential (C03)', () => {
    const raw = ['Location', `https://a.test/?key=${real}&x=${real}`, 'X-Echo', `Bearer ${real}`, 'X-Other', 'kept']
    expect(clientHeaders(raw, scrub)).toEqual([
      'Location',
      'https://a.test/?key=placeholder&x=placeholder',
      'X-Echo',
      'Bearer placeholder',
      'X-Other',
      'kept',
    ])
    expect(scrub(`Unauthorized ${real}`)).toBe('Unauthorized placeholder')
  })

  it('keeps repeated fields, drops hop-by-hop ones, those that Connection names, and ways around the proxy', () => {
    const raw = [
      'Set-Cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'Connection',
      'x-hop',
      'X-Hop',
      '1',
      'Keep-Alive',
      'timeout=5',
    ]
    const dropped = ['Transfer-Encoding', 'chunked', 'Alt-Svc', 'h3=":443"', 'Trailer', 'x', 'Upgrade', 'h2c']
    expect(clientHeaders([...raw, ...dropped, 'Content-Length', '3'], scrub)).toEqual([
      'Set-Cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'Content-Length',
      '3',
    ])
  })
})

describe('the query for the upstream', () => {
  it.each([
    ['', ''],
    ['?', '?'],
    ['?beta=true', '?beta=true'],
    ['?key=mine', ''],
    ['?beta=true&key=mine&x=1', '?beta=true&x=1'],
    ['?KEY=mine', ''],
    ['?%6bey=mine', ''],
    ['?k%65y=mine', ''],
    ['?api_key=a&api-key=b&apikey=c&access_token=d&auth_token=e&token=f', ''],
    ['?key', ''],
    ['?key=a=b', ''],
    ['?monkey=kept&keys=kept', '?monkey=kept&keys=kept'],
    ['?a=%zz&%zz=b', '?a=%zz&%zz=b'],
    ['?a=1&&b=2', '?a=1&&b=2'],
  ])('%j becomes %j (C01)', (query, kept) => {
    expect(withoutCredentialParameters(query)).toBe(kept)
  })

  it.each([
    ['', '?sig=s%2F%2B%20%26'],
    ['?', '?&sig=s%2F%2B%20%26'],
    ['?a=1', '?a=1&sig=s%2F%2B%20%26'],
    ['?sig=mine&a=1&key=mine', '?a=1&sig=s%2F%2B%20%26'],
    ['?%53IG=mine&s%69g=mine', '?sig=s%2F%2B%20%26'],
  ])('%j becomes %j where the credential goes into it (C01)', (query, sentQuery) => {
    const scheme = { kind: 'query', name: 'sig' } as const
    expect(authorizedQuery(query, { scheme, secret: 's/+ &' })).toBe(sentQuery)
  })

  it('takes the place of every credential of a header too (C01)', () => {
    const authorization = { scheme: { kind: 'query', name: 'sig' }, secret: 'real' } as const
    const raw = ['Authorization', 'Bearer mine', 'X-Api-Key', 'mine', 'Accept', '*/*']
    expect(sent(raw, { authorization }).join(' ')).not.toMatch(/mine|real/)
  })
})
