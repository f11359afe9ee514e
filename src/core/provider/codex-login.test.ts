import { expect, test } from 'vitest'
import { codexLogin } from './codex-login.ts'

const hourMs = 3_600_000

function token(claims: object): string {
  return ['{"alg":"RS256"}', JSON.stringify(claims), 'real-signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
}

const account = { chatgpt_plan_type: 'pro', chatgpt_account_id: 'account-1', chatgpt_user_id: 'real-user' }
const idToken = token({ email: 'ada@real.example', name: 'Zoë', 'https://api.openai.com/auth': account })
const tokens = {
  id_token: idToken,
  access_token: 'real-access',
  refresh_token: 'real-refresh',
  account_id: 'account-1',
}
const auth = { auth_mode: 'chatgpt', OPENAI_API_KEY: null, tokens, last_refresh: '2026-01-01T00:00:00Z', other: [1] }
const file = JSON.stringify(auth)

test('a sign-in is a token of an account, trusted for eight days or as long as it says', () => {
  const read = { secret: 'account-1:real-access', refreshToken: 'real-refresh', expiresAtMs: Date.UTC(2026, 0, 9) }
  expect(codexLogin.read(file)).toEqual(read)
  const says = token({ exp: 1_900_000_000, name: 'Zoë' })
  const { account_id: _, ...others } = tokens
  expect(codexLogin.read(JSON.stringify({ tokens: { ...others, access_token: says } }))).toEqual({
    ...read,
    secret: `account-1:${says}`,
    expiresAtMs: 1_900_000_000_000,
  })
})

test('a renewal changes the tokens that it brings and the time, and nothing else of the file', () => {
  const answer = JSON.stringify({ access_token: 'next-access', refresh_token: 'next-refresh', id_token: null })
  expect(JSON.parse(codexLogin.renewal.renewed(file, answer, Date.UTC(2026, 0, 8)))).toEqual({
    ...auth,
    tokens: { ...tokens, access_token: 'next-access', refresh_token: 'next-refresh' },
    last_refresh: '2026-01-08T00:00:00.000Z',
  })
})

test.each([
  ['{', 'is no JSON with a sign-in'],
  ['{"OPENAI_API_KEY":"sk-real","tokens":null}', 'has no sign-in with ChatGPT'],
  ['{"tokens":{"account_id":"a"}}', 'has no access_token'],
  ['{"tokens":{"access_token":"a"}}', 'has no account_id'],
  ['{"tokens":{"access_token":"a","account_id":"a:b"}}', 'has no account_id'],
])('of %s it says: %s (C06)', (text, why) => {
  expect(() => codexLogin.read(text)).toThrow(new Error(why))
})

test('the bottle sees a sign-in of that account that is never renewed, with placeholders only (I2)', () => {
  const { '.codex/auth.json': shown = '', ...others } = codexLogin.homeFiles(file)
  expect(others).toEqual({})
  const seen = JSON.parse(shown)
  const claims = Buffer.from(seen.tokens.id_token.split('.')[1], 'base64url').toString()
  expect(shown + claims).not.toMatch(/real-(?:access|refresh|signature|user)|real\.example|Zo/)
  expect(JSON.parse(claims)).toEqual({
    'https://api.openai.com/auth': { chatgpt_plan_type: 'pro', chatgpt_account_id: 'account-1' },
  })
  expect(codexLogin.read(shown).expiresAtMs).toBeGreaterThan(Date.UTC(2026, 0, 1) + 70 * 365 * 24 * hourMs)
})
