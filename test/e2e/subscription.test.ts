/** A bottle that is signed in with a subscription, whose tokens the host alone has and renews. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { placeholderCredential } from '../../src/core/provider/provider.ts'
import { signInClaude, withoutKeys } from '../fakes/host-login.ts'
import { openProductHost } from '../fakes/product-host.ts'

const models = `curl -sS -m 5 -H 'anthropic-version: 2023-06-01' -H 'authorization: Bearer ${placeholderCredential}' https://api.anthropic.com/v1/models`
const status = (method: string, url: string) => `curl -sS -m 5 -o /dev/null -w '%{http_code}\\n' -X ${method} ${url}`
const run = ['run', '--bottle', 'claude', '--workspace', 'none', '--', 'sh', '-c']

describe('a subscription', () => {
  test('that has expired is renewed by the host: the bottle uses it and finds no token of it anywhere (C05)', async () => {
    await using host = await openProductHost({ provider: ['--refresh-token', 'real-refresh-token'] })
    const path = await signInClaude(host, {
      accessToken: 'real-access-token',
      refreshToken: 'real-refresh-token',
      leftMs: 0,
    })
    const places = '"$HOME" "$PWD" /etc /tmp /run /var /dev/shm /proc/[0-9]*/environ /proc/[0-9]*/cmdline'
    const script = [
      `${models} > answer`,
      status('POST', 'https://api.anthropic.com/v1/oauth/token'),
      status('POST', 'https://api.anthropic.com/api/oauth/claude_cli/create_api_key'),
      status('POST', 'https://platform.claude.com/v1/oauth/token'),
      `grep -rlsF -f - ${places}`,
      `grep -o '"expiresAt":[0-9]*' "$HOME/.claude/.credentials.json"`,
    ]
    const tokens = ['real-access-token', 'real-refresh-token', 'simulated-access-1', 'simulated-refresh-1']
    const { stdout, stderr } = await host.run([...run, script.join('; ')], {
      env: withoutKeys,
      input: `${tokens.join('\n')}\n`,
    })
    expect(stdout.split('\n')).toEqual(['403', '403', '403', `"expiresAt":${Date.UTC(2100, 0, 1)}`, ''])
    expect(stderr).toMatch(
      /claude is signed in with the subscription of .*; its token holds until .* and is renewed on this host/,
    )
    const served = await host.provider.served()
    expect(served.map(({ host: name, path: asked, credentials }) => [name, asked, credentials.authorization])).toEqual([
      ['platform.claude.com', '/v1/oauth/token', undefined],
      ['api.anthropic.com', '/v1/models', 'Bearer simulated-access-1'],
    ])
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      claudeAiOauth: {
        accessToken: 'simulated-access-1',
        refreshToken: 'simulated-refresh-1',
        subscriptionType: 'max',
      },
      other: 'kept',
    })
    for (const token of tokens) expect(await filesWith(host.home, token)).toEqual([])
  })

  test('that cannot be renewed refuses the start, and says how to sign in; doctor tells it too (C06)', async () => {
    await using host = await openProductHost({ provider: ['--refresh-token', 'another-one'] })
    await signInClaude(host, { accessToken: 'real-access-token', refreshToken: 'used-up', leftMs: 0 })
    const { exitCode, stderr } = await host.run([...run, 'true'], { env: withoutKeys })
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
