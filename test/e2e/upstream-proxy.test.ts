/** The whole product behind a company's proxy that asks for a credential. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { UsageReport } from '../../src/controller/api.ts'
import { startForwardProxy } from '../fakes/forward-proxy.ts'
import { openProductHost } from '../fakes/product-host.ts'

test('what settings.yml says of a proxy holds: requests go through it, are charged, and doctor and settings check tell of it (C06)', async () => {
  let providerPort = 0
  await using proxy = await startForwardProxy({ leadTo: () => providerPort, credential: 'ada:secret' })
  await using host = await openProductHost({
    upstreams: {},
    settings: `upstream_proxy: {url: "${proxy.url.origin}", credential: "env:BOT_BOTTLE_PROXY"}\nno_proxy: [.corp.test]\n`,
  })
  providerPort = host.provider.port
  const env = { BOT_BOTTLE_PROXY: 'ada:secret' }
  const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] })
  await writeFile(join(host.workspace, 'body.json'), body)
  const curl = ['curl', '-sS', '-f', '-H', 'content-type: application/json', '-d', '@body.json']
  const run = [
    'run',
    '--bottle',
    'claude',
    '--workspace',
    'copy',
    '--',
    ...curl,
    'https://api.anthropic.com/v1/messages',
  ]
  expect(await host.run(run, { env })).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('"usage"') })
  expect(proxy.asked).toEqual(['api.anthropic.com:443'])
  const { rows } = await host.json<UsageReport>(['usage', '--by', 'provider'])
  expect(rows).toMatchObject([{ exchanges: 1, estimatedTokens: 0 }])

  const words = `hosts are reached through ${proxy.url.origin}, with the credential of env:BOT_BOTTLE_PROXY; not .corp.test`
  expect((await host.run(['settings', 'check'])).stdout).toContain(words)
  const doctor = async (changes = {}) => (await host.run(['doctor'], changes)).stdout
  expect(await doctor({ env })).toContain(`ok      upstream_proxy: ${words}`)
  expect(await doctor()).toContain('NOT OK  upstream_proxy: the credential of the upstream proxy is missing')
})
