/** `routes` and `routes test` on definitions, without a controller. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandLine } from './command-line.ts'

let root = ''
let home = ''

const web = `---
agent_provider: codex
egress:
  routes:
    - {host: "*.github.com", methods: [GET], paths: ["/repos/**"], auth: {scheme: bearer, secret: "env:GITHUB_TOKEN"}}
    - {host: api.openai.com, provider_tools: [web_search], websocket: false}
---
`

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bot-bottle-cli-routes-'))
  home = join(root, 'home')
  await mkdir(join(home, 'bottles'), { recursive: true, mode: 0o700 })
  await mkdir(join(home, 'agents'))
  await writeFile(join(home, 'bottles', 'web.md'), web)
  await writeFile(join(home, 'bottles', 'none.md'), '---\n---\n')
  await writeFile(join(home, 'agents', 'reviewer.md'), '---\nbottle: web\n---\nReview it.\n')
})
afterAll(() => rm(root, { recursive: true }))

const run = (...args: readonly string[]) => commandLine(args, { home, cwd: root })

test('what a bottle may reach is listed with the credential by its source, and where it is written', async () => {
  const { stdout } = await run('routes', 'web')
  expect(stdout).toMatch(
    /^api\.openai\.com +POST +\/v1\/responses +metered \(codex\), with web_search +bearer from env:CODEX_API_KEY or env:OPENAI_API_KEY +bottles\/web\.md:2$/m,
  )
  expect(stdout).toMatch(
    /^\*\.github\.com +GET +\/repos\/\*\* +routed +bearer from env:GITHUB_TOKEN +bottles\/web\.md:5$/m,
  )
  expect(stdout).not.toMatch(/^api\.openai\.com .*WebSocket/m)
  expect((await run('routes', 'reviewer')).stdout).toBe(stdout)
  const both = (await run('routes', 'codex')).stdout
  expect(both).toMatch(/\/v1\/responses +metered \(codex\), WebSocket/)
  expect(both).toMatch(
    /^chatgpt\.com +POST +\/backend-api\/codex\/responses +metered \(codex\) +chatgpt from ~\/\.codex\/auth\.json /m,
  )
  const tested = await run('routes', 'test', 'codex', 'POST', 'https://chatgpt.com/backend-api/codex/responses')
  expect(tested).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('~/.codex/auth.json') })
})

test('a bottle that reaches nothing is told to', async () => {
  expect(await run('routes', 'none')).toMatchObject({
    exitCode: 0,
    stdout: '',
    stderr: expect.stringMatching(/reaches nothing/),
  })
  expect((await run('routes', 'none', '--json')).stdout).toBe('[]\n')
})

test.each([
  [
    'GET',
    'https://api.github.com/repos/o/r?q=1',
    0,
    /^routed by GET \*\.github\.com \/repos\/\*\*, with bearer from env:GITHUB_TOKEN; from bottles\/web\.md:5$/m,
  ],
  ['post', 'https://api.openai.com/v1/responses', 0, /^metered \(codex\) by POST api\.openai\.com \/v1\/responses/],
  ['GET', 'wss://api.openai.com/v1/responses', 3, /^refused \(426 upgrade_not_metered\)/],
  ['GET', 'http://api.github.com/repos/o/r', 3, /^refused \(403 plain_http\)/],
  ['GET', 'https://github.com/repos/o/r', 3, /^refused \(403 host_not_allowed\)/],
  ['GET', 'https://api.github.com/repos/%2e%2e/r', 3, /^refused \(400 odd_path\)/],
  [
    'GET',
    'https://api.github.com/repos/../r',
    3,
    /^refused \(400 bad_request\): the path cannot be decided on: it has a dot segment/,
  ],
  ['GET', 'https://api.github.com:22/repos/o', 3, /^refused \(403 bad_request\): only port 443 is open/],
  ['GET', 'https://user@api.github.com/repos/o', 3, /^refused \(400 bad_request\): the host is not a name/],
  ['GET', 'https://2130706433/repos/o', 3, /^refused \(40[03] bad_request\)/],
  ['TRACE', 'https://api.github.com/repos/o', 3, /^refused \(405 bad_request\)/],
])('%s %s is told as the proxy would decide it (H01, H12)', async (method, url, exitCode, words) => {
  const told = JSON.parse((await run('routes', 'test', 'web', method, url, '--json')).stdout) as {
    readonly verdict: string
  }
  expect(told.verdict === 'refused' ? 3 : 0).toBe(exitCode)
  expect(await run('routes', 'test', 'web', method, url)).toMatchObject({
    exitCode,
    stdout: expect.stringMatching(words),
  })
})

test.each([
  [['routes'], 2, /missing required argument 'bottle'/],
  [['routes', 'nothing'], 1, /there is no agent and no bottle named "nothing"/],
  [['routes', 'web-0a1b2c'], 1, /no controller is running/],
  [['routes', 'test', 'web', 'GET', 'api.github.com'], 2, /Write a whole URL/],
  [['routes', 'test', 'web', 'GET /x', 'https://a/'], 2, /Write a method of HTTP/],
] as const)('%j is one clear error', async (args, exitCode, words) => {
  expect(await run(...args)).toMatchObject({ exitCode, stderr: expect.stringMatching(words) })
})
