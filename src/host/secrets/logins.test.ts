import { chmod, mkdir, mkdtemp, readdir, readFile, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKnownSecrets } from './known-secrets.ts'
import { createLogins, type PostJson } from './logins.ts'

let directory = ''
let file = ''
let lock = ''
let nowMs = 0
/** Bodies of the renewals that were asked for. */
let asked: { readonly refresh_token: string }[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-logins-'))
  file = join(directory, '.credentials.json')
  lock = join(directory, '.oauth_refresh.lock')
  nowMs = 1_000_000_000
  asked = []
})
afterEach(() => rm(directory, { recursive: true }))

interface Tokens {
  readonly access: string
  readonly refresh?: string
  readonly leftMs: number
}

const hourMs = 3_600_000
const soonMs = 200_000

async function signIn({ access, refresh, leftMs }: Tokens): Promise<void> {
  const claudeAiOauth = {
    accessToken: access,
    refreshToken: refresh,
    expiresAt: nowMs + leftMs,
    subscriptionType: 'max',
  }
  await writeFile(file, JSON.stringify({ claudeAiOauth, other: [1] }), { mode: 0o600 })
}

/** Each refresh token once; `r0` at first. */
function rotating(): PostJson {
  let good = 'r0'
  return async ({ body }) => {
    const question = JSON.parse(body)
    asked.push(question)
    if (question.refresh_token !== good) return { status: 400, body: '{"error":"invalid_grant"}' }
    good = `r${asked.length}`
    const tokens = { access_token: `a${asked.length}`, refresh_token: good, expires_in: 28_800 }
    return { status: 200, body: JSON.stringify(tokens) }
  }
}

function loginsWith(post: PostJson) {
  const logins = createLogins({ post, secrets: createKnownSecrets(), nowMs: () => nowMs })
  return { read: () => logins.read('claude', { CLAUDE_CONFIG_DIR: directory }) }
}

const answering =
  (status: number, body = ''): PostJson =>
  async (request) => {
    asked.push(JSON.parse(request.body))
    return { status, body }
  }

describe('a sign-in', () => {
  test('that holds is used as it is', async () => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: hourMs })
    expect(await loginsWith(rotating()).read()).toBe('a0')
    expect(asked).toEqual([])
  })

  test('that ends soon is renewed by the host, and the file says so, for its owner alone, all else kept', async () => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: soonMs })
    expect(await loginsWith(rotating()).read()).toBe('a1')
    const claudeAiOauth = {
      accessToken: 'a1',
      refreshToken: 'r1',
      expiresAt: nowMs + 28_800_000,
      subscriptionType: 'max',
    }
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ claudeAiOauth, other: [1] })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['.credentials.json'])
  })

  test('is renewed once for all who ask, in this controller and in others', async () => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: -1 })
    const post = rotating()
    const controllers = [loginsWith(post), loginsWith(post), loginsWith(post)]
    const secrets = await Promise.all(controllers.flatMap(({ read }) => [read(), read(), read(), read()]))
    expect(new Set(secrets)).toEqual(new Set(['a1']))
    expect(asked).toHaveLength(1)
  })

  test('that another program renews meanwhile is taken from the file', async () => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: -1 })
    await mkdir(lock)
    const reading = loginsWith(rotating()).read()
    await signIn({ access: 'of-claude', refresh: 'r9', leftMs: hourMs })
    await rmdir(lock)
    expect(await reading).toBe('of-claude')
    expect(asked).toEqual([])
  })

  test('whose refresh token another program has used up is looked at once more', async () => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: -1 })
    const post: PostJson = async () => {
      asked.push({ refresh_token: 'r0' })
      await signIn({ access: 'of-claude', refresh: 'r9', leftMs: hourMs })
      return { status: 400, body: '' }
    }
    expect(await loginsWith(post).read()).toBe('of-claude')
    expect(asked).toHaveLength(1)
  })

  test('is renewed behind a lock that was left over', async () => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: -1 })
    await mkdir(lock)
    const longAgo = (Date.now() - 120_000) / 1000
    await utimes(lock, longAgo, longAgo)
    expect(await loginsWith(rotating()).read()).toBe('a1')
  })

  test.each([
    ['an answer 503', answering(503)],
    ['an answer 400', answering(400, '{"error":"invalid_grant"}')],
    ['an answer that is none', answering(200, '<html>')],
    ['no answer', () => Promise.reject(new Error('no way there'))],
  ])('that cannot be renewed because of %s still holds until it ends', async (_, post) => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: soonMs })
    const before = await readFile(file, 'utf8')
    const { read } = loginsWith(post)
    expect(await read()).toBe('a0')
    nowMs += soonMs
    await expect(read()).rejects.toThrow(/has expired and cannot be renewed/)
    expect(await readFile(file, 'utf8')).toBe(before)
    expect(await readdir(directory)).toEqual(['.credentials.json'])
  })
})

describe('no sign-in (C06)', () => {
  test.each([
    [answering(400), 'platform.claude.com refused to (400); sign in on the host: run claude there, and /login in it'],
    [answering(401), 'platform.claude.com refused to (401); sign in on the host'],
    [answering(500), 'platform.claude.com answered 500'],
    [answering(200, 'secret'), 'what platform.claude.com answered is no JSON with tokens'],
  ])('since it has expired and the renewal failed: %#', async (post, why) => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: -1 })
    await expect(loginsWith(post).read()).rejects.toThrow(
      `the sign-in in ${file} has expired and cannot be renewed: ${why}`,
    )
  })

  test('since it has expired and there is nothing to renew it by', async () => {
    await signIn({ access: 'a0', leftMs: -1 })
    await expect(loginsWith(rotating()).read()).rejects.toThrow(/there is nothing to renew it by; sign in on the host/)
    expect(asked).toEqual([])
  })

  test('since there is no file, or one that others may read', async () => {
    const { read } = loginsWith(rotating())
    await expect(read()).rejects.toThrow(`there is no file ${file}`)
    await signIn({ access: 'a0', leftMs: hourMs })
    await chmod(file, 0o644)
    await expect(read()).rejects.toThrow(/is open to others \(mode 0644\)/)
  })

  test('is told for a while without another try, unless the user signs in', async () => {
    await signIn({ access: 'a0', refresh: 'r0', leftMs: -1 })
    const { read } = loginsWith(answering(500))
    for (const _ of [1, 2, 3]) await expect(read()).rejects.toThrow(/answered 500/)
    expect(asked).toHaveLength(1)
    nowMs += 10_000
    await expect(read()).rejects.toThrow(/answered 500/)
    expect(asked).toHaveLength(2)
    await signIn({ access: 'new', refresh: 'r9', leftMs: hourMs })
    expect(await read()).toBe('new')
  })
})
