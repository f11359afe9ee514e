import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { requestPath } from './request-path.ts'

describe('requestPath', () => {
  it.each([
    ['/', '/', ''],
    ['/v1/messages', '/v1/messages', ''],
    ['/v1/messages?beta=true', '/v1/messages', '?beta=true'],
    ['/v1/messages?', '/v1/messages', '?'],
    ['/v1/messages?next=/../x;y', '/v1/messages', '?next=/../x;y'],
    ['/v1/models/a%20b', '/v1/models/a%20b', ''],
    ['/v1/models/.hidden', '/v1/models/.hidden', ''],
    ['/v1/models/a..b', '/v1/models/a..b', ''],
    ['/v1/models/...', '/v1/models/...', ''],
    ['/V1/Messages', '/V1/Messages', ''],
    ['/v1/models/', '/v1/models/', ''],
  ])('splits %j and changes no byte (H12)', (target, path, query) => {
    expect(requestPath(target)).toEqual({ kind: 'path', path, query, oddity: undefined })
  })

  it.each([
    '',
    'v1/messages',
    '*',
    'http://a.test/',
    '//v1/messages',
    '/v1//messages',
    '/v1/messages//',
    '/v1/./messages',
    '/v1/../messages',
    '/v1/models/..',
    '/v1/models/.',
    '/v1\\messages',
    '/v1/messages%00',
    '/v1/messages%',
    '/v1/messages%4',
    '/v1/messages%zz',
    '/v1/messages#x',
    '/v1/mess ages',
    '/v1/messages\t',
    '/v1/messages\x7f',
    '/v1/m\u00e9ssages',
    '/v1/messages?\u00e9',
    '/v1/messages?a\r\nb',
    `/${'a'.repeat(16 * 1024)}`,
  ])('refuses %j (H12)', (target) => {
    expect(requestPath(target).kind).toBe('refused')
  })

  it.each([
    '/v1/%2e%2e/messages',
    '/v1/%2E./messages',
    '/v1/.%2e/messages',
    '/v1/models/%2e',
    '/v1%2fmessages',
    '/v1%2Fmessages',
    '/v1/models/x%5cy',
    '/v1/messages;x=y',
    '/v1/messages%3bx',
    '/v1/messages%252e',
    '/@types%2fnode',
  ])('tells of what is odd in %j (H12)', (target) => {
    expect(requestPath(target)).toEqual({ kind: 'path', path: target, query: '', oddity: expect.any(String) })
  })

  it('gives back exactly the bytes that it read, and only paths that a URL parser leaves alone but for what is odd (H12)', () => {
    const target = fc.stringMatching(/^\/[a-z/.%2eEfF5c;\\?#&= ]{0,24}$/)
    fc.assert(
      fc.property(target, (text) => {
        const found = requestPath(text)
        if (found.kind === 'refused') return
        expect(`${found.path}${found.query}`).toBe(text)
        if (found.oddity === undefined) expect(new URL(found.path, 'http://a.test').pathname).toBe(found.path)
      }),
      { numRuns: 2_000 },
    )
  })
})
