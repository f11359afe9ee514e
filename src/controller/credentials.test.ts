import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { emptyBottle } from '../core/manifest/built-ins.ts'
import { builtIn, type EffectiveBottle } from '../core/manifest/definition.ts'
import { writtenEgress } from '../core/manifest/written-egress.ts'
import { claude } from '../core/provider/claude.ts'
import { withEachSignIn } from '../core/provider/sign-in.ts'
import type { RouteAuth } from '../core/routing/route.ts'
import { createKnownSecrets } from '../host/secrets/known-secrets.ts'
import { createLogins } from '../host/secrets/logins.ts'
import { adoptCredentials, environmentNeeds, openCredentials } from './credentials.ts'

let directory = ''
let workspace = ''
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'bot-bottle-credentials-')))
  workspace = join(directory, 'work')
  await mkdir(workspace)
})
afterEach(() => rm(directory, { recursive: true }))

function bottleWith(secret: string): { readonly bottle: EffectiveBottle; readonly auth: RouteAuth } {
  const auth: RouteAuth = { scheme: { kind: 'bearer' }, secret }
  const routes = [builtIn({ host: 'a.test', auth }), builtIn({ host: 'b.test' })]
  return { bottle: { ...emptyBottle, providers: [builtIn(claude)], egress: { routes } }, auth }
}

const hostEnvironment = { ANTHROPIC_API_KEY: 'provider-key', TOKEN: 'route-token', PATH: process.env.PATH ?? '' }

let nowMs = 0
const secrets = createKnownSecrets()
const logins = createLogins({ secrets, post: () => Promise.reject(new Error('nobody is asked')), nowMs: () => nowMs })
async function open(bottle: EffectiveBottle, environment: Readonly<Record<string, string>> = hostEnvironment) {
  const request = {
    hostEnvironment: environment,
    workspace: { kind: 'copy', path: workspace } as const,
    readOnlyPaths: [join(directory, 'shown')],
  }
  return (await openCredentials(writtenEgress(bottle), { request, logins, secrets, nowMs: () => nowMs })).credentialOf
}

describe('credentials', () => {
  test('are those of providers and routes, each of its own', async () => {
    const { bottle, auth } = bottleWith('env:TOKEN')
    const credentialOf = await open(bottle)
    expect(credentialOf({ kind: 'provider', provider: claude })).toBe('provider-key')
    expect(credentialOf({ kind: 'route', auth })).toBe('route-token')
  })

  test.each([
    ['env:NONE', /the route to a\.test is missing: NONE is not set/],
    ['file:/nowhere/token', /the route to a\.test is missing: there is no file \/nowhere\/token/],
    ['command:exit 1', /the route to a\.test is missing: the command ended with exit code 1/],
  ])('of %s that cannot be read refuse the start (C06)', async (secret, message) => {
    await expect(open(bottleWith(secret).bottle)).rejects.toMatchObject({
      code: 'credential_missing',
      message: expect.stringMatching(message),
    })
  })

  test('of a provider that are missing refuse the start (C06)', async () => {
    await expect(open(bottleWith('env:TOKEN').bottle, { TOKEN: 'x' })).rejects.toThrow(
      /the credential of provider claude is missing: ANTHROPIC_API_KEY is not set/,
    )
  })

  test('that fail later tell the bottle the cause, and nothing that a command printed', async () => {
    const flag = join(directory, 'locked')
    const { bottle, auth } = bottleWith(`command:test -e ${flag} && { echo s.topsecret >&2; exit 1; }; echo token`)
    const credentialOf = await open(bottle)
    expect(credentialOf({ kind: 'route', auth })).toBe('token')
    await writeFile(flag, '')
    nowMs += 300_000
    const failed = credentialOf({ kind: 'route', auth })
    await expect(failed).rejects.toMatchObject({
      message: expect.stringContaining('the command ended with exit code 1'),
      hint: undefined,
    })
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining('topsecret') })
  })
})

describe('a credential file that the bottle would see is refused (I2)', () => {
  async function secretIn(path: string): Promise<string> {
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, 'token')
    await chmod(path, 0o600)
    return path
  }

  test.each(['work/.env', 'shown/deep/token'])('in %s', async (name) => {
    const path = await secretIn(join(directory, name))
    await expect(open(bottleWith(`file:${path}`).bottle)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('which the bottle would see'),
    })
  })

  test('also behind a link', async () => {
    const path = await secretIn(join(workspace, 'token'))
    await symlink(path, join(directory, 'link'))
    await expect(open(bottleWith(`file:${join(directory, 'link')}`).bottle)).rejects.toThrow(/would see/)
  })

  test('and one beside is not', async () => {
    const path = await secretIn(join(directory, 'worktoken'))
    const { bottle, auth } = bottleWith(`file:${path}`)
    expect((await open(bottle))({ kind: 'route', auth })).toBe('token')
  })
})

const ofClaude = ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'CLAUDE_CONFIG_DIR']

test.each([
  ['env:TOKEN', [...ofClaude, 'TOKEN'], false],
  ['file:/a', ofClaude, false],
  ['command:a', ofClaude, true],
])('%s needs these variables of the user, and all of them only for a command', (secret, environmentNames, whole) => {
  expect(environmentNeeds(bottleWith(secret).bottle)).toEqual({ environmentNames, wantsWholeEnvironment: whole })
})

describe('credentials of a bottle that another controller takes up', () => {
  const adopt = (secret: string, givenVariables = ['ANTHROPIC_API_KEY', 'TOKEN']) => {
    const { bottle, auth } = bottleWith(secret)
    const environment = { PATH: process.env.PATH, TOKEN: 'of the controller, not of the user' }
    const plan = { egress: writtenEgress(bottle), givenVariables }
    return {
      ...adoptCredentials(plan, { environment, logins, secrets, nowMs: () => nowMs }),
      owner: { kind: 'route', auth } as const,
    }
  }

  test('that came from the user’s variables are refused until they are sent again (S10, I9)', async () => {
    const { credentialOf, renew, owner } = adopt('env:TOKEN')
    for (const one of [owner, { kind: 'provider', provider: claude } as const]) {
      expect(() => credentialOf(one)).toThrow(
        /is not known yet: .* has not sent (TOKEN|ANTHROPIC_API_KEY) to it so far/,
      )
    }
    renew(hostEnvironment)
    expect(await credentialOf(owner)).toBe('route-token')
  })

  test('of a subscription wait for the user’s variables too, also for the one that says where it is (S10, I9)', async () => {
    const ways = withEachSignIn(claude).slice(1)
    expect(ways).toHaveLength(2)
    for (const [index, provider] of ways.entries()) {
      const variable = ['CLAUDE_CODE_OAUTH_TOKEN', 'CLAUDE_CONFIG_DIR'][index] ?? ''
      const egress = writtenEgress({ ...emptyBottle, providers: [builtIn(provider)] })
      const plan = { egress, givenVariables: [variable] }
      const credentials = adoptCredentials(plan, { environment: {}, logins, secrets, nowMs: () => nowMs })
      const owner = { kind: 'provider', provider } as const
      expect(() => credentials.credentialOf(owner)).toThrow(`has not sent ${variable} to it so far`)
      const claudeAiOauth = { accessToken: 'of-the-login', expiresAt: nowMs + 3_600_000 }
      await writeFile(join(directory, '.credentials.json'), JSON.stringify({ claudeAiOauth }), { mode: 0o600 })
      credentials.renew({ CLAUDE_CODE_OAUTH_TOKEN: 'of-the-user', CLAUDE_CONFIG_DIR: directory })
      expect(await credentials.credentialOf(owner)).toBe(['of-the-user', 'of-the-login'][index])
    }
  })

  test('of commands are read again at once (S10)', async () => {
    const { credentialOf, owner } = adopt('command:printf again')
    expect(await credentialOf(owner)).toBe('again')
  })

  test('never come from the controller’s own variables (I2)', async () => {
    const { credentialOf, owner } = adopt('env:TOKEN', [])
    await expect(credentialOf(owner)).rejects.toThrow('TOKEN is not set')
  })
})
