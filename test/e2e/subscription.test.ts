/** Bottles that are signed in with a subscription, whose tokens the host alone has and renews. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { placeholderCredential } from '../../src/core/provider/provider.ts'
import { signInClaude, signInCodex, withoutKeys } from '../fakes/host-login.ts'
import { openProductHost } from '../fakes/product-host.ts'

const subscriptions = [
  {
    bottle: 'claude',
    signIn: signInClaude,
    file: '.claude/.credentials.json',
    asks: 'https://api.anthropic.com/v1/models',
    renewal: ['platform.claude.com', '/v1/oauth/token'],
    refused: [
      'https://api.anthropic.com/v1/oauth/token',
      'https://api.anthropic.com/api/oauth/claude_cli/create_api_key',
    ],
  },
  {
    bottle: 'codex',
    signIn: signInCodex,
    file: '.codex/auth.json',
    asks: 'https://chatgpt.com/backend-api/codex/models',
    renewal: ['auth.openai.com', '/oauth/token'],
    refused: ['https://chatgpt.com/backend-api/accounts', 'https://api.openai.com/v1/responses'],
  },
] as const

const run = (bottle: string, script: string) => [
  'run',
  '--bottle',
  bottle,
  '--workspace',
  'none',
  '--',
  'sh',
  '-c',
  script,
]
const places = '"$HOME" "$PWD" /etc /tmp /run /var /dev/shm /proc/[0-9]*/environ /proc/[0-9]*/cmdline'

describe('a subscription', () => {
  test.each(subscriptions)(
    'of $bottle that has expired is renewed by the host: the bottle uses it and finds no token of it anywhere (C05)',
    async ({ bottle, signIn, file, asks, renewal, refused }) => {
      await using host = await openProductHost({ provider: ['--refresh-token', 'real-refresh-token'] })
      const path = await signIn(host, {
        accessToken: 'real-access-token',
        refreshToken: 'real-refresh-token',
        leftMs: 0,
      })
      const script = [
        `curl -sS -m 5 -H 'authorization: Bearer ${placeholderCredential}' ${asks} > answer`,
        ...[...refused, `https://${renewal.join('')}`].map(
          (url) => `curl -sS -m 5 -o /dev/null -w '%{http_code} ' -X POST ${url}`,
        ),
        `grep -rlsF -f - ${places}`,
        `grep -c ${placeholderCredential} "$HOME/${file}"`,
      ]
      const tokens = ['real-access-token', 'real-refresh-token', 'simulated-access-1', 'simulated-refresh-1']
      const { stdout, stderr } = await host.run(run(bottle, script.join('; ')), {
        env: withoutKeys,
        input: `${tokens.join('\n')}\n`,
      })
      expect(stdout).toBe('403 403 403 1\n')
      expect(stderr).toMatch(
        new RegExp(
          `${bottle} is signed in with the subscription of .*; its token holds until .*, and is renewed on this host`,
        ),
      )
      const served = await host.provider.served()
      expect(
        served.map(({ host: name, path: asked, credentials }) => [name, asked, credentials.authorization]),
      ).toEqual([
        [...renewal, undefined],
        [new URL(asks).host, new URL(asks).pathname, 'Bearer simulated-access-1'],
      ])
      const written = await readFile(path, 'utf8')
      expect(written).not.toContain('real-')
      for (const kept of ['simulated-access-1', 'simulated-refresh-1', '"other":"kept"'])
        expect(written).toContain(kept)
      for (const token of tokens) expect(await filesWith(host.home, token)).toEqual([])
    },
  )

  test('that cannot be renewed refuses the start, and says how to sign in; doctor tells it too (C06)', async () => {
    await using host = await openProductHost({ provider: ['--refresh-token', 'another-one'] })
    await signInClaude(host, { accessToken: 'real-access-token', refreshToken: 'used-up', leftMs: 0 })
    const { exitCode, stderr } = await host.run(run('claude', 'true'), { env: withoutKeys })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(
      /has expired and cannot be renewed: platform\.claude\.com refused to \(400\); sign in on the host: /,
    )
    expect((await host.run(['doctor'], { env: withoutKeys })).stdout).toMatch(
      /subscription of .*; its token expired at /,
    )
    expect((await host.provider.served()).map(({ host: name }) => name)).toEqual(['platform.claude.com'])
  })
})

async function filesWith(directory: string, text: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const contents = await Promise.all(files.map((file) => readFile(file, 'latin1')))
  return files.filter((_, index) => contents[index]?.includes(text))
}
