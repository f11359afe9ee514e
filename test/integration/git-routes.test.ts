/** Real git, as a program in a bottle would run it, against a real smart-HTTP server, with a credential that only the host has. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { builtIn } from '../../src/core/manifest/definition.ts'
import { gitConfigFile } from '../../src/core/manifest/git-config.ts'
import type { Route } from '../../src/core/routing/route.ts'
import { type GitUpstream, startGitUpstream } from '../fakes/git-upstream.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'

const run = promisify(execFile)
const host = 'git.example.com'
const secret = 'me:the-real-password'

let root = ''
let stack = new AsyncDisposableStack()
beforeEach(async () => {
  stack = new AsyncDisposableStack()
  root = await mkdtemp(join(tmpdir(), 'bot-bottle-git-'))
  stack.defer(() => rm(root, { recursive: true }))
  await mkdir(join(root, 'home'))
})
afterEach(() => stack.disposeAsync())

/** Git with nothing but what a bottle gives it. */
async function git(args: readonly string[], options: { readonly rig?: ProxyRig; readonly cwd?: string } = {}) {
  const { rig, cwd = root } = options
  const { stdout } = await run('git', args, {
    cwd,
    env: {
      PATH: process.env.PATH,
      HOME: join(root, 'home'),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      ...(rig && {
        GIT_SSL_CAINFO: join(root, 'bottle-ca.pem'),
        https_proxy: `http://127.0.0.1:${rig.ports.proxy}`,
      }),
    },
  })
  return stdout
}

async function serve(route: Partial<Route> = {}): Promise<{ readonly rig: ProxyRig; readonly upstream: GitUpstream }> {
  const projectRoot = join(root, 'server')
  await git(['init', '--quiet', '--bare', '--initial-branch=main', join(projectRoot, 'team', 'site.git')])
  const authorization = `Basic ${Buffer.from(secret).toString('base64')}`
  const upstream = stack.use(await startGitUpstream({ projectRoot, authorization, names: [host] }))
  const rig = stack.use(
    await openProxyRig({
      upstreams: new Map([[host, new URL(`https://127.0.0.1:${upstream.port}`)]]),
      upstreamCa: upstream.caCertificate,
      routes: [{ host, paths: ['/team/**'], auth: { scheme: { kind: 'basic' }, secret }, ...route }],
    }),
  )
  await writeFile(join(root, 'bottle-ca.pem'), rig.caCertificate)
  return { rig, upstream }
}

async function writeHomeFiles(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) await writeFile(join(root, 'home', path), content)
}

describe('git over a route', () => {
  test('clones, pushes more than fits in memory buffers, and fetches it again, without knowing a credential', async () => {
    const { rig, upstream } = await serve()
    await writeHomeFiles(gitConfigFile({ userName: builtIn('Ada'), userEmail: builtIn('ada@example.com') }))
    const url = `https://${host}/team/site.git`
    await git(['clone', '--quiet', url, 'first'], { rig })
    const first = join(root, 'first')
    const content = randomBytes(8 * 1024 * 1024)
    await writeFile(join(first, 'big.bin'), content)
    await git(['add', '.'], { cwd: first })
    await git(['commit', '--quiet', '-m', 'big'], { cwd: first })
    await git(['push', '--quiet', 'origin', 'HEAD:main'], { rig, cwd: first })
    await git(['clone', '--quiet', url, 'second'], { rig })
    expect(await readFile(join(root, 'second', 'big.bin'))).toEqual(content)
    expect((await git(['log', '--format=%an <%ae>'], { cwd: join(root, 'second') })).trim()).toBe(
      'Ada <ada@example.com>',
    )
    expect(upstream.lines).toContain('POST /team/site.git/git-receive-pack')
    expect(rig.denials).toEqual([])
    expect(rig.passed.every(({ verdict, status }) => verdict === 'routed' && status === 200)).toBe(true)
    expect(rig.bugs).toEqual([])
  })

  test('may only read where the route names the reading half', async () => {
    const paths = ['/team/*/info/refs', '/team/*/git-upload-pack']
    const { rig } = await serve({ paths })
    const url = `https://${host}/team/site.git`
    await git(['clone', '--quiet', url, 'first'], { rig })
    const first = join(root, 'first')
    await git(['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--allow-empty', '-m', 'x'], {
      cwd: first,
    })
    await expect(git(['push', '--quiet', 'origin', 'HEAD:main'], { rig, cwd: first })).rejects.toThrow(/403/)
    expect(rig.denials).toMatchObject([{ method: 'POST', path: '/team/site.git/git-receive-pack', status: 403 }])
  })

  test('reaches no other repository of that host', async () => {
    const { rig, upstream } = await serve()
    await expect(git(['clone', '--quiet', `https://${host}/other/site.git`, 'x'], { rig })).rejects.toThrow(/403/)
    expect(upstream.lines).toEqual([])
  })
})

describe('the git configuration of a bottle', () => {
  test.each([
    ['Ada', 'ada@example.com'],
    ['Ada "the first" \\ Lovelace', 'a+b@example.com'],
    ['# not a comment ; nor this', ' spaces@around.test '],
    ['J\u00f6rg \u{1f41d}', '-x@example.com'],
  ])('says who commits to git itself: %j %j', async (name, email) => {
    await writeHomeFiles(gitConfigFile({ userName: builtIn(name), userEmail: builtIn(email) }))
    expect(await git(['config', '--global', '--null', 'user.name'])).toBe(`${name}\0`)
    expect(await git(['config', '--global', '--null', 'user.email'])).toBe(`${email}\0`)
  })

  test('leaves the last word to the repository', async () => {
    await writeHomeFiles(gitConfigFile({ userName: builtIn('Ada') }))
    await git(['init', '--quiet', 'repository'])
    const cwd = join(root, 'repository')
    await git(['config', 'user.name', 'Local'], { cwd })
    expect((await git(['config', 'user.name'], { cwd })).trim()).toBe('Local')
  })

  test('is no file where nothing is said', () => {
    expect(gitConfigFile({})).toEqual({})
  })
})
