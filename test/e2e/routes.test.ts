/** What a definition says about egress, from the file to the bytes: routes, credentials, the log, git, providers of one's own. */
import { access, chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { DenialRow } from '../../src/controller/api.ts'
import { placeholderCredential } from '../../src/core/provider/provider.ts'
import type { UsageRow } from '../../src/ledger/ledger.ts'
import { typed } from '../fakes/command.ts'
import { openProductHost, type ProductHost, realKey } from '../fakes/product-host.ts'
import { startHttpUpstream, type Upstream } from '../fakes/raw-upstream.ts'

const apiHost = 'api.example.com'
const modelsHost = 'models.example.com'
const token = 'the-token-that-only-the-host-has'

let host: ProductHost
let upstream: Upstream
let seen: { readonly line: string; readonly headers: IncomingMessage['headers'] }[] = []

beforeAll(async () => {
  host = await openProductHost()
  upstream = await startHttpUpstream(
    (request, response) => {
      seen.push({ line: `${request.method} ${request.url}`, headers: request.headers })
      request.resume().once('end', () => response.end(`hello ${request.url}\n`))
    },
    { names: [apiHost] },
  )
  await write('home/ca.pem', `${host.provider.caCertificate}\n${upstream.caCertificate}`)
  await write(
    'home/settings.yml',
    [
      'upstreams:',
      `  ${apiHost}: https://127.0.0.1:${upstream.port}`,
      `  ${modelsHost}: https://localhost:${host.provider.port}`,
      `  api.anthropic.com: https://127.0.0.1:${host.provider.port}`,
      'upstream_ca: ca.pem',
      'budget: {claude: 1000000}',
      '',
    ].join('\n'),
  )
  await write('secrets/token', `${token}\n`)
  await write('secrets/key', realKey)
})
afterEach(async () => {
  seen = []
  expect(await host.leftovers()).toEqual([])
})
afterAll(async () => {
  await host[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

async function write(path: string, content: string): Promise<void> {
  const absolute = join(host.directory, path)
  await mkdir(dirname(absolute), { recursive: true })
  await writeFile(absolute, content)
  if (path.startsWith('secrets/')) await chmod(absolute, 0o600)
}

const define = (name: string, ...lines: readonly string[]) =>
  write(`home/bottles/${name}.md`, `---\n${lines.join('\n')}\n---\n`)

const inBottle = (name: string, script: string, ...options: readonly string[]) =>
  host.run(['run', '--bottle', name, '--workspace', 'none', ...options, '--', 'sh', '-c', script])

async function logOf(name: string): Promise<readonly Record<string, unknown>[]> {
  const bottles = await host.json<readonly { readonly id: string; readonly definitions: readonly string[] }[]>([
    'ps',
    '--all',
  ])
  const ids = bottles.filter(({ definitions }) => definitions.includes(name)).map(({ id }) => id)
  const texts = await Promise.all(ids.map((id) => readFile(join(host.home, 'logs', `${id}.egress.jsonl`), 'utf8')))
  return texts.flatMap((text) => text.trimEnd().split('\n')).map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('a route', () => {
  test('is open to a program that knows of nothing, with the credential of the host', async () => {
    await define(
      'web',
      'egress:',
      '  log: 2',
      '  routes:',
      `    - {host: ${apiHost}, methods: [GET], paths: ["/repos/**"], auth: {scheme: bearer, secret: "file:${host.directory}/secrets/token"}}`,
    )
    const curl = `curl -sS -m 10 -w '%{http_code}\\n'`
    const { stdout, stderr } = await inBottle(
      'web',
      `${curl} -H 'authorization: Bearer mine' https://${apiHost}/repos/a?q=1; ${curl} https://${apiHost}/user; env; cat /proc/*/environ 2>/dev/null`,
    )
    expect(stdout).toMatch(/^hello \/repos\/a\?q=1\n200\n/)
    expect(stdout).toContain('does not allow the path /user, only /repos/**; this line under egress.routes would')
    expect(seen).toMatchObject([{ line: 'GET /repos/a?q=1', headers: { authorization: `Bearer ${token}` } }])
    expect(stdout + stderr).not.toContain(token)
    expect(await logOf('web')).toMatchObject([
      { verdict: 'routed', method: 'GET', host: apiHost, path: '/repos/a', status: 200 },
      { verdict: 'refused', method: 'GET', host: apiHost, path: '/user', status: 403, code: 'route_not_allowed' },
    ])
  })

  test('that was refused is told of by where, how often, and what would allow it; a test tells it before', async () => {
    await define('few', 'egress:', '  routes:', `    - {host: ${apiHost}, methods: [GET], paths: ["/repos/*"]}`)
    const curl = 'curl -sS -m 10 -o /dev/null'
    const asked = [`https://${apiHost}/user`, `https://${apiHost}/user`, 'https://elsewhere.example.com/?secret=1']
    await inBottle('few', [`${curl} https://${apiHost}/repos/a`, ...asked.map((url) => `${curl} '${url}'`)].join('; '))
    const [bottle] = await host.json<readonly { readonly id: string }[]>(['ps', '--all'])
    const denied = await host.json<readonly DenialRow[]>(['denials', bottle?.id ?? ''])
    expect(denied).toMatchObject([
      { host: apiHost, path: '/user', code: 'route_not_allowed', count: 2 },
      { host: 'elsewhere.example.com', path: '/', code: 'host_not_allowed', count: 1 },
    ])
    expect(denied[0]?.firstAtMs).toBeLessThanOrEqual(denied[0]?.lastAtMs ?? 0)
    const told = await host.run(['routes', 'test', 'few', 'GET', `https://${apiHost}/user`])
    expect({ exitCode: told.exitCode, stdout: told.stdout }).toEqual({
      exitCode: 3,
      stdout: `refused (403 route_not_allowed): ${denied[0]?.reason}\n`,
    })
    expect((await host.run(['denials'])).stdout).toMatch(/ 2 {2}GET api\.example\.com\/user +route_not_allowed/)
  })

  test('of a running bottle is listed as it was started, whatever its file says since', async () => {
    await define('old', 'egress:', '  routes:', `    - host: ${apiHost}`)
    const running = host.start(['run', '--bottle', 'old', '--workspace', 'none', '--', 'sh', '-c', 'echo up; read x'], {
      input: typed,
    })
    await running.said(/up/)
    await define('old', 'egress: {log: 1}')
    const [bottle] = await host.json<readonly { readonly id: string }[]>(['ps'])
    expect(await host.json(['routes', 'old'])).toEqual([])
    expect(await host.json(['routes', bottle?.id ?? ''])).toMatchObject([
      { host: apiHost, methods: ['*'], paths: ['**'], treatment: 'routed', from: 'bottles/old.md:4' },
    ])
    running.type('\n')
    await running.ended
  })

  test('is learned by a bottle that may: what passed is printed as lines that allow it, and nothing else changed', async () => {
    await define(
      'pupil',
      'agent_provider: claude',
      'egress:',
      '  log: 0',
      '  routes:',
      `    - {host: ${apiHost}, methods: [GET], paths: ["/known"], auth: {scheme: bearer, secret: "file:${host.directory}/secrets/token"}}`,
    )
    const script = ['known', 'new/1', 'new/2'].map((path) => `curl -sS https://${apiHost}/${path}`)
    const refused = ['https://api.openai.com/v1/models', 'https://api.anthropic.com/v1/files', 'https://localhost/']
    script.push(...refused.map((url) => `curl -sS -o /dev/null -w '%{http_code} ' ${url}`))
    const { stdout, stderr } = await host.run(
      ['run', '--bottle', 'pupil', '--learn', '--workspace', 'none', '--', 'sh', '-c', script.join('; ')],
      { env: { ANTHROPIC_API_KEY: realKey } },
    )
    expect(stdout).toBe('hello /known\nhello /new/1\nhello /new/2\n403 403 502 ')
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${token}`, undefined, undefined])
    expect(stderr).toContain('this bottle learns')
    const [id] = /run-[0-9a-f]{6}/.exec(stderr) ?? []
    const learned = await host.run(['routes', 'learned', id ?? ''])
    expect(learned.stdout.split('\n')[0]).toBe('egress:')
    for (const line of learned.stdout.trimEnd().split('\n')) expect(stderr).toContain(line)
    await define('taught', ...learned.stdout.trimEnd().split('\n'))
    expect((await inBottle('taught', `curl -sS https://${apiHost}/new/1`)).stdout).toBe('hello /new/1\n')
    expect(await host.json(['routes', 'learned', id ?? ''])).toEqual([
      { host: apiHost, methods: ['GET'], paths: ['/new/1', '/new/2'] },
    ])
  })

  test('whose credential a command gives has it from the environment of the user', async () => {
    await define(
      'asked',
      'egress:',
      '  routes:',
      `    - {host: ${apiHost}, auth: {scheme: basic, secret: "command:printf 'me:%s' \\"$MY_VAULT\\""}}`,
    )
    const words = ['run', '--bottle', 'asked', '--workspace', 'none', '--', 'curl', '-sS', `https://${apiHost}/`]
    const { stdout } = await host.run(words, { env: { MY_VAULT: token } })
    expect(stdout).toBe('hello /\n')
    expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from(`me:${token}`).toString('base64')}`)
  })

  test.each([
    ['env:NOT_SET_ANYWHERE', /NOT_SET_ANYWHERE is not set/],
    ['file:/nowhere/token', /there is no file \/nowhere\/token/],
    ['command:echo locked >&2; exit 4', /the command ended with exit code 4\n {2}hint: The command printed: locked/],
  ])('whose credential %s cannot be read refuses the start, and nothing is made (C06)', async (secret, says) => {
    await define(
      'missing',
      'egress:',
      '  routes:',
      `    - {host: ${apiHost}, auth: {scheme: bearer, secret: "${secret}"}}`,
    )
    const { exitCode, stderr } = await inBottle('missing', 'echo started')
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(says) })
    expect(JSON.stringify(await host.json(['ps', '--all']))).not.toContain('missing')
  })

  test('to the host of a provider that the bottle does not have is refused with its place (I3)', async () => {
    await define('sly', 'egress:', '  routes:', '    - host: api.openai.com')
    const { exitCode, stderr } = await inBottle('sly', 'echo started')
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(
        /bottles\/sly\.md:4:7: egress\.routes: api\.openai\.com belongs to the provider codex/,
      ),
    })
  })

  test('does not take the placeholder of a provider elsewhere (C02)', async () => {
    await define('both', 'extends: claude', 'egress:', '  routes:', `    - host: ${apiHost}`)
    const { stdout } = await inBottle('both', `curl -sS -H "x-api-key: $ANTHROPIC_API_KEY" https://${apiHost}/`)
    expect(stdout).toContain('the placeholder of a provider')
    expect(seen).toEqual([])
    expect(await logOf('both')).toMatchObject([{ verdict: 'refused', code: 'placeholder' }])
  })
})

test('a log is not written where the definition says so, and git knows who commits', async () => {
  await define('quiet', 'egress: {log: 0}', 'git-gate: {user: {name: Ada, email: ada@example.com}}')
  const { stdout } = await inBottle(
    'quiet',
    `curl -sS https://${apiHost}/; git config user.name; git config user.email`,
  )
  expect(stdout).toContain('no route of this bottle allows')
  expect(stdout).toMatch(/Ada\nada@example\.com\n$/)
  const [bottle] = await host.json<readonly { readonly id: string }[]>(['ps', '--all'])
  await expect(access(join(host.home, 'logs', `${bottle?.id}.egress.jsonl`))).rejects.toThrow(/ENOENT/)
})

describe('a provider of one’s own', () => {
  const call = (maxTokens: number) => {
    const body = {
      model: 'local-large',
      max_tokens: maxTokens,
      messages: [{ role: 'user', content: 'tell me a story' }],
    }
    const headers = `-H 'content-type: application/json' -H 'anthropic-version: 2023-06-01'`
    return `curl -sS -w '\\n%{http_code}\\n' ${headers} -d '${JSON.stringify(body)}' https://${modelsHost}/v1/messages`
  }
  const defineOwn = () =>
    define(
      'own',
      'agent_provider:',
      '  name: local-models',
      `  hosts: [{host: ${modelsHost}, format: anthropic-messages}]`,
      `  credential: {secret: "file:${host.directory}/secrets/key", scheme: header, header: x-api-key}`,
      '  env: [MODELS_KEY]',
    )

  test('is metered and charged under its own name, with its credential put in (L16)', async () => {
    await defineOwn()
    const { stdout } = await inBottle('own', `echo "$MODELS_KEY"; ${call(50)}`)
    expect(stdout).toMatch(/\n200\n$/)
    expect(stdout.startsWith(`${placeholderCredential}\n`)).toBe(true)
    const { rows } = await host.json<{ readonly rows: readonly UsageRow[] }>(['usage'])
    expect(rows).toMatchObject([{ provider: 'local-models', exchanges: 1, estimatedTokens: 0 }])
    expect(rows[0]?.chargeTokens).toBeGreaterThan(0)
  })

  test('is held to budgets of its own name, which claude’s do not move (L16)', async () => {
    await defineOwn()
    const { stdout } = await inBottle('own', `${call(50)}; ${call(50)}`, '--budget', 'local-models=60')
    expect(stdout).toMatch(/\n402\n$/)
    expect(stdout).toContain('local-models tokens used')
    const { rows } = await host.json<{ readonly rows: readonly UsageRow[] }>(['usage'])
    expect(rows.map(({ provider }) => provider)).toEqual(['local-models'])
  })
})
