import fc from 'fast-check'
import { expect, test } from 'vitest'
import { claudeLogin } from './claude-login.ts'

const oauth = {
  accessToken: 'real-access',
  refreshToken: 'real-refresh',
  expiresAt: 1_000_000,
  scopes: ['user:inference', 'user:profile'],
  subscriptionType: 'max',
  organizationUuid: 'an-organization',
}
const file = JSON.stringify({ claudeAiOauth: oauth, mcpOAuth: { 'a server': { accessToken: 'of-another' } } })

test('a sign-in is an access token, what renews it, and until when it holds', () => {
  expect(claudeLogin.read(file)).toEqual({
    secret: 'real-access',
    refreshToken: 'real-refresh',
    expiresAtMs: 1_000_000,
  })
  const short = JSON.stringify({ claudeAiOauth: { accessToken: 'real-access', refreshToken: null } })
  expect(claudeLogin.read(short)).toEqual({ secret: 'real-access', expiresAtMs: undefined })
})

test('a renewal changes the tokens and nothing else of the file', () => {
  const answer = {
    access_token: 'next-access',
    refresh_token: 'next-refresh',
    expires_in: 28_800,
    scope: 'user:inference',
  }
  const { renewed } = claudeLogin.renewal
  const next = { ...oauth, accessToken: 'next-access', refreshToken: 'next-refresh', expiresAt: 5_000 + 28_800_000 }
  expect(JSON.parse(renewed(file, JSON.stringify(answer), 5_000))).toEqual({ ...JSON.parse(file), claudeAiOauth: next })
  const { refresh_token: _, ...kept } = answer
  expect(JSON.parse(renewed(file, JSON.stringify(kept), 5_000)).claudeAiOauth.refreshToken).toBe('real-refresh')
})

test.each([
  ['{"claudeAiOauth":', 'is no JSON with a sign-in'],
  ['[]', 'is no JSON with a sign-in'],
  ['{"mcpOAuth":{}}', 'has no sign-in with a subscription'],
  ['{"claudeAiOauth":{"refreshToken":"r"}}', 'has no accessToken'],
  ['{"claudeAiOauth":{"accessToken":"two words"}}', 'has something else than a token as accessToken'],
])('of %s it says: %s (C06)', (text, why) => {
  expect(() => claudeLogin.read(text)).toThrow(why)
})

test.each([
  ['not json', 'is no JSON with tokens'],
  ['{"access_token":"a"}', 'has no expires_in'],
  ['{"access_token":"a","expires_in":-1}', 'has no expires_in'],
  ['{"expires_in":60}', 'has no access_token'],
  ['{"access_token":"a\\r\\nx: y","expires_in":60}', 'has something else than a token as access_token'],
])('the answer %s renews nothing: it %s (C06)', (answer, why) => {
  expect(() => claudeLogin.renewal.renewed(file, answer, 0)).toThrow(why)
})

test('a fault never repeats what is in the file', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 4 }), fc.nat(), (secret, cut) => {
      const text = JSON.stringify({ claudeAiOauth: { accessToken: `${secret} \u00e9` } })
      for (const broken of [text, text.slice(0, cut % text.length)]) {
        expect(() => claudeLogin.read(broken)).toThrow(
          /^(?:is no JSON with a sign-in|has (?:no|something else) [\w ]+)$/,
        )
      }
    }),
  )
})

test('the bottle sees a sign-in of the same kind that never expires, with placeholders only (I2)', () => {
  const { '.claude/.credentials.json': shown = '', ...others } = claudeLogin.homeFiles(file)
  expect(others).toEqual({})
  expect(shown).not.toMatch(/real-(?:access|refresh)|of-another|an-organization/)
  const { subscriptionType, scopes } = JSON.parse(shown).claudeAiOauth
  expect({ subscriptionType, scopes }).toEqual({ subscriptionType: 'max', scopes: oauth.scopes })
  expect(claudeLogin.read(shown).expiresAtMs).toBe(Date.UTC(2100, 0, 1))
})
