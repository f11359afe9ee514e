/** The real Claude Code and Codex, signed in with subscriptions that only the host has. */
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { signInClaude, signInCodex, withoutKeys } from '../fakes/host-login.ts'
import { openProductHost, type ProductHost, realKey } from '../fakes/product-host.ts'
import { visiblePaths } from '../fakes/test-user.ts'
import { agentPackages } from './agent-packages.ts'

let agentsPath = ''
beforeAll(async () => {
  agentsPath = await agentPackages()
})

const answered = { exitCode: 0, stdout: expect.stringContaining('Hi! You wrote: "say hi".') }

test('claude answers with a token of setup-token (I2)', async () => {
  await using host = await openProductHost()
  const end = await startAgent(host, 'claude', ['-p', 'say hi'], { CLAUDE_CODE_OAUTH_TOKEN: realKey })
  expect(end).toMatchObject(answered)
  expect(await bearersSeen(host)).toEqual([realKey])
})

test('claude answers with the sign-in of the host, which the host renews (I2)', async () => {
  await using host = await openProductHost({ provider: ['--refresh-token', 'real-refresh-token'] })
  await signInClaude(host, { accessToken: realKey, refreshToken: 'real-refresh-token', leftMs: 60_000 })
  expect(await startAgent(host, 'claude', ['-p', 'say hi'])).toMatchObject(answered)
  expect(await bearersSeen(host)).toEqual(['simulated-access-1'])
  const renewals = (await host.provider.served()).filter(({ path }) => path === '/v1/oauth/token')
  expect(renewals.map(({ host: name }) => name)).toEqual(['platform.claude.com'])
})

test('codex answers with the sign-in of the host, which the host renews (I2)', async () => {
  await using host = await openProductHost({ provider: ['--refresh-token', 'real-refresh-token'] })
  await signInCodex(host, { accessToken: realKey, refreshToken: 'real-refresh-token', leftMs: 60_000 })
  expect(await startAgent(host, 'codex', ['exec', '--skip-git-repo-check', 'say hi'])).toMatchObject(answered)
  expect(await bearersSeen(host)).toEqual(['simulated-access-1'])
  const [asked] = (await host.provider.served()).filter(({ path }) => path === '/backend-api/codex/responses')
  expect(asked).toMatchObject({ host: 'chatgpt.com', status: 200 })
  expect(asked?.headerNames).toContain('chatgpt-account-id')
  expect((await host.run(['denials'])).stdout).toBe('')
})

function startAgent(
  host: ProductHost,
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const { checkoutPath } = visiblePaths(host.directory, undefined)
  const path = join(checkoutPath, agentsPath)
  return host.run(['start', name, '--budget', '200000', '--', ...args], {
    env: { ...withoutKeys, ...env, PATH: `${path}:${process.env.PATH}` },
  })
}

async function bearersSeen(host: ProductHost): Promise<readonly string[]> {
  const values = (await host.provider.served()).flatMap(({ credentials }) => Object.values(credentials))
  return [...new Set(values.map((value) => value.replace(/^Bearer /, '')))]
}
