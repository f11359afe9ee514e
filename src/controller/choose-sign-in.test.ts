import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { emptyBottle } from '../core/manifest/built-ins.ts'
import { builtIn, type WrittenProvider } from '../core/manifest/definition.ts'
import { providerOf } from '../core/manifest/provider-of.ts'
import { placeholderCredential } from '../core/provider/provider.ts'
import { createKnownSecrets } from '../host/secrets/known-secrets.ts'
import { createLogins } from '../host/secrets/logins.ts'
import { chooseSignIns } from './choose-sign-in.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-sign-in-'))
})
afterEach(() => rm(directory, { recursive: true }))

const nowMs = () => Date.UTC(2026, 0, 1)
const secrets = createKnownSecrets()
const logins = createLogins({ secrets, post: () => Promise.reject(new Error('nobody answers')), nowMs })
const key = { ANTHROPIC_API_KEY: 'real-key' }
const token = { CLAUDE_CODE_OAUTH_TOKEN: 'real-token' }

async function login(expiresAt: number, more: object = { refreshToken: 'real-refresh' }): Promise<void> {
  const claudeAiOauth = { accessToken: 'real-access', expiresAt, subscriptionType: 'pro', ...more }
  await mkdir(join(directory, '.claude'))
  await writeFile(join(directory, '.claude/.credentials.json'), JSON.stringify({ claudeAiOauth }), { mode: 0o600 })
}

async function choose(environment: Readonly<Record<string, string>>, written: Partial<WrittenProvider> = {}) {
  const bottle = { ...emptyBottle, providers: [builtIn(providerOf({ name: 'claude', ...written }))] }
  const setting = {
    environment: { CLAUDE_CONFIG_DIR: join(directory, '.claude'), ...environment },
    logins,
    secrets,
    nowMs,
  }
  const chosen = await chooseSignIns(bottle, setting)
  const [provider] = chosen.bottle.providers.map(({ value }) => value)
  if (!provider) throw new Error('it has no provider any more')
  const placeholders = Object.entries(provider.env).filter(([, value]) => value === placeholderCredential)
  const { sources, login: ofProgram, scheme } = provider.credential
  return {
    provider,
    notices: chosen.notices,
    placeholders: placeholders.map(([name]) => name),
    sources,
    ofProgram,
    scheme,
  }
}

describe('claude is signed in', () => {
  test('with the key, then with a token, then with what claude on the host has', async () => {
    await login(nowMs() + 3_600_000)
    expect(await choose({ ...key, ...token })).toMatchObject({ placeholders: ['ANTHROPIC_API_KEY'], notices: [] })
    expect(await choose(token)).toMatchObject({
      placeholders: ['CLAUDE_CODE_OAUTH_TOKEN'],
      scheme: { kind: 'bearer' },
      notices: ['claude is signed in with the subscription of env:CLAUDE_CODE_OAUTH_TOKEN'],
    })
    const { provider, ...chosen } = await choose({})
    const path = join(directory, '.claude/.credentials.json')
    expect(chosen).toMatchObject({
      placeholders: [],
      ofProgram: 'claude',
      notices: [
        `claude is signed in with the subscription of ${path}; its token holds until 2026-01-01T01:00:00.000Z, and is renewed on this host`,
      ],
    })
    expect(provider.homeFiles['.claude/.credentials.json']).toContain('"subscriptionType":"pro"')
    expect(provider.otherSignIns).toBeUndefined()
    expect(JSON.stringify(provider)).not.toMatch(/real-(?:access|refresh)/)
  })

  test('as its definition says, whatever else there is', async () => {
    expect((await choose({ ...key, ...token }, { signIn: 'subscription' })).sources).toEqual([
      'env:CLAUDE_CODE_OAUTH_TOKEN',
    ])
    expect((await choose({ ...key, ...token }, { signIn: 'api_key' })).sources).toEqual(['env:ANTHROPIC_API_KEY'])
    await expect(choose(key, { signIn: 'subscription' })).rejects.toThrow(
      /CLAUDE_CODE_OAUTH_TOKEN is not set; there is no/,
    )
    const own = await choose(token, { signIn: 'subscription', credential: { sources: ['env:MINE'] } })
    expect(own).toMatchObject({ sources: ['env:MINE'], placeholders: ['CLAUDE_CODE_OAUTH_TOKEN', 'MINE'] })
  })

  test('with nothing: all that would do is named (C06)', async () => {
    await login(nowMs() - 1, {})
    await expect(choose({ ANTHROPIC_API_KEY: '' })).rejects.toMatchObject({
      code: 'credential_missing',
      message: expect.stringMatching(
        /^the credential of provider claude is missing: ANTHROPIC_API_KEY is empty; CLAUDE_CODE_OAUTH_TOKEN is not set; the sign-in in .*credentials\.json has expired and cannot be renewed: there is nothing to renew it by/,
      ),
      hint: 'One of these would do: set ANTHROPIC_API_KEY for this command; set CLAUDE_CODE_OAUTH_TOKEN for this command; sign in on the host: run claude there, and /login in it. The bottle itself never sees it.',
    })
  })
})
