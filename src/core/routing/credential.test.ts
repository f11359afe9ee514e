import { expect, test } from 'vitest'
import { credentialFault, credentialFields, credentialTraces } from './credential.ts'
import type { AuthScheme } from './route.ts'

const bearer: AuthScheme = { kind: 'bearer' }
const basic: AuthScheme = { kind: 'basic' }
const header: AuthScheme = { kind: 'header', name: 'X-Token' }

test.each([
  [bearer, 'abc', ['authorization', 'Bearer abc']],
  [{ kind: 'x-api-key' } as const, 'abc', ['x-api-key', 'abc']],
  [header, 'token abc', ['X-Token', 'token abc']],
  [{ kind: 'query', name: 'key' } as const, 'a b', undefined],
  [basic, 'me:pass', ['authorization', 'Basic bWU6cGFzcw==']],
  [basic, 'm\u00fc:\u{1f511}', ['authorization', 'Basic bcO8OvCflJE=']],
])('%j presents %j', (scheme, secret, field) => {
  expect(credentialFault(scheme, secret)).toBeUndefined()
  expect(credentialFields(scheme, secret)).toEqual(field ? [field] : [])
})

test('that of ChatGPT is a token and the account beside it, which is no secret', () => {
  const chatgpt = { kind: 'chatgpt' } as const
  expect(credentialFields(chatgpt, 'acc-1:tok:en')).toEqual([
    ['authorization', 'Bearer tok:en'],
    ['chatgpt-account-id', 'acc-1'],
  ])
  expect(credentialTraces(chatgpt, 'acc-1:token')).toEqual(['token'])
  expect(credentialFault(chatgpt, 'token')).toBe('is no account with its token')
})

test.each([
  [bearer, 'a b', 'has a character that no HTTP header may have'],
  [bearer, 'a\nx-admin: 1', 'has a character that no HTTP header may have'],
  [header, 'a\r\nb', 'has a character that no HTTP header may have'],
  [header, 'sch\u00f6n', 'has a character that no HTTP header may have'],
  [basic, 'password', 'is not of the form USER:PASSWORD'],
  [basic, 'me:pass\n', 'has a control character'],
])('%j refuses %j', (scheme, secret, fault) => {
  expect(credentialFault(scheme, secret)).toBe(fault)
})

test('a secret is recognised plain, coded, in a URL and in JSON, the longest form first (C03)', () => {
  expect(credentialTraces(bearer, 'a+b')).toEqual(['a%2Bb', 'a%2bb', 'a+b'])
  expect(credentialTraces(bearer, 'a"b')).toEqual(['a%22b', 'a\\"b', 'a"b'])
  expect(credentialTraces(basic, 'me:p/w')).toEqual([
    'me%3Ap%2Fw',
    'me%3ap%2fw',
    'bWU6cC93',
    'me:p\\/w',
    'me:p/w',
    'p%2Fw',
    'p%2fw',
    'p\\/w',
    'p/w',
  ])
  expect(credentialTraces(basic, 'me:')).not.toContain('')
})
