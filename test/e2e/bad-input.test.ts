/** What users do wrong, and what their hosts lack: one clear sentence, a hint, the documented exit code, nothing left. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { CommandEnd } from '../fakes/command.ts'
import { modelCall } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { startHttpUpstream } from '../fakes/raw-upstream.ts'
import { withoutTool } from '../fakes/test-user.ts'

const inClaudeBottle = (...words: readonly string[]) => [
  'run',
  '--bottle',
  'claude',
  '--workspace',
  'none',
  '--',
  ...words,
]

/** One sentence and one hint, without a stack. */
function expectRefusal(
  { exitCode, stdout, stderr }: CommandEnd,
  expected: { exitCode: number; says: RegExp; hint: RegExp },
) {
  const [sentence = '', hint = '', ...rest] = stderr.trimEnd().split('\n')
  expect(sentence).toMatch(/^bot-bottle: /)
  expect(sentence).toMatch(expected.says)
  expect(hint).toMatch(/^ {2}hint: /)
  expect(hint).toMatch(expected.hint)
  expect(rest).toEqual([])
  expect(stdout).toBe('')
  expect(exitCode).toBe(expected.exitCode)
}

describe('a start is refused', () => {
  let host: ProductHost
  beforeAll(async () => {
    host = await openProductHost()
  })
  afterEach(async () => expect(await host.leftovers()).toEqual([]))
  afterAll(() => host[Symbol.asyncDispose]())

  test('for an agent that does not exist', async () => {
    expectRefusal(await host.run(['start', 'claud']), {
      exitCode: 1,
      says: /there is no agent named "claud"/,
      hint: /Did you mean "claude"\?/,
    })
  })

  test('for an agent that is not installed', async () => {
    const end = await host.run(['start', 'codex'], { env: { PATH: '/usr/bin:/bin' } })
    expectRefusal(end, {
      exitCode: 1,
      says: /the program "codex" was not found on PATH/,
      hint: /npm install --global @openai\/codex/,
    })
  })

  test.each([
    ['the home directory', () => host.userHome, /is or contains your home directory/],
    ['a system directory', () => '/usr', /is inside \/usr/],
    ['a shared directory', () => '/var', /is a folder of the whole system/],
  ])('for a workspace that is %s', async (_, pathOf, says) => {
    for (const kind of ['direct', 'copy']) {
      const end = await host.run(['run', '--workspace', kind, '--', 'true'], { cwd: pathOf() })
      expectRefusal(end, { exitCode: 2, says, hint: /one project/ })
    }
  })

  test('for a budget of a provider that the bottle does not use', async () => {
    const end = await host.run(['run', '--bottle', 'claude', '--budget', 'codex=1', '--', 'true'])
    expect(end).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('names the provider "codex", but the bottle uses claude'),
    })
  })
})

describe.concurrent('a start on a host of its own is refused', () => {
  test('without the credential of its provider, before anything is made (C06)', async () => {
    await using host = await openProductHost()
    const end = await host.run(inClaudeBottle('true'), { env: { ANTHROPIC_API_KEY: undefined } })
    expectRefusal(end, {
      exitCode: 1,
      says: /the credential of provider claude is missing: ANTHROPIC_API_KEY is not set/,
      hint: /One of these would do: set ANTHROPIC_API_KEY for this command/,
    })
    expect(await host.leftovers()).toEqual([])
    expect(await host.json(['ps', '--all'])).toEqual([])
  })

  test.each([
    [
      'budget: {claude: lots}',
      /settings\.yml:4:18: budget\.claude: found "lots"; a whole number of tokens is expected/,
    ],
    ['budgt: {claude: 1}', /settings\.yml:4:1: unknown key "budgt"; did you mean "budget"\?/],
    ['budget: [', /settings\.yml:5:1: /],
  ])('for settings with %s, named by file, line and column', async (settings, says) => {
    await using host = await openProductHost()
    await writeFile(
      join(host.home, 'settings.yml'),
      `# a comment\nupstreams:\n  api.anthropic.com: https://127.0.0.1:1\n${settings}\n`,
    )
    expectRefusal(await host.run(inClaudeBottle('true')), { exitCode: 2, says, hint: /Correct that line/ })
    expect(await host.processes()).toEqual([])
  })

  test.each(['bwrap', 'nsenter', 'unshare', 'ip'])(
    'on a host without %s, and doctor says what to install (S14)',
    async (tool) => {
      await using host = await openProductHost()
      const within = withoutTool(tool)
      const end = await host.run(['run', '--workspace', 'none', '--', 'true'], { within })
      const findings = await host.run(['doctor'], { within })
      expectRefusal(end, {
        exitCode: 1,
        says: new RegExp(`${tool}: not installed`),
        hint: /Install the package .*apt-get install/,
      })
      expect(findings).toMatchObject({
        exitCode: 1,
        stdout: expect.stringMatching(new RegExp(`NOT OK +${tool}: not installed\\n +hint: Install`)),
      })
    },
  )
})

describe.concurrent('a request is answered so that its sender reads the cause', () => {
  test('where the provider is down', async () => {
    await using host = await openProductHost({ upstreams: { 'api.anthropic.com': 'https://127.0.0.1:1' } })
    const { stdout, exitCode } = await host.run(inClaudeBottle(...modelCall()))
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        code: 'upstream_failed',
        message: expect.stringMatching(/api\.anthropic\.com could not be reached: .*ECONNREFUSED/),
      },
    })
    expect(exitCode).toBe(0)
    expect(await host.json(['usage'])).toMatchObject({ rows: [{ chargeTokens: 0 }] })
  })

  test.each([
    ['for another name', { names: ['other.example'] }, /does not match certificate's altnames/],
    [
      'of nobody whom the host trusts',
      { names: ['api.anthropic.com'] },
      /self-signed certificate|unable to verify|unable to get local issuer/,
    ],
  ])('where the provider’s certificate is %s, and the key is not sent (H16)', async (_, options, cause) => {
    await using upstream = await startHttpUpstream((_request, response) => response.end('{}'), options)
    await using host = await openProductHost({
      upstreams: { 'api.anthropic.com': `https://127.0.0.1:${upstream.port}` },
    })
    if (options.names.includes('other.example')) await writeFile(join(host.home, 'ca.pem'), upstream.caCertificate)
    const { stdout } = await host.run(inClaudeBottle(...modelCall()))
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'upstream_failed', message: expect.stringMatching(cause) },
    })
    expect(upstream.requestCount).toBe(0)
  })
})
