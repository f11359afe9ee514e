/** The real Claude Code and Codex, frozen in the middle of an answer, go on with their conversation when they are resumed. */
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { visiblePaths } from '../fakes/test-user.ts'
import { until } from '../fakes/until.ts'
import { agentPackages } from './agent-packages.ts'

const slow = ['--keep-bodies', '--output-tokens', '20000', '--tokens-per-delta', '1', '--delta-interval-ms', '50']

let agentsPath = ''
beforeAll(async () => {
  agentsPath = await agentPackages()
})

test.each([
  ['claude', 'here', ['-p', 'remember the pineapple'], ['--', '-p', 'what was it?'], '/v1/messages'],
  ['claude', 'on another host', ['-p', 'remember the pineapple'], ['--', '-p', 'what was it?'], '/v1/messages'],
  [
    'codex',
    'here',
    ['exec', '--skip-git-repo-check', 'remember the pineapple'],
    ['--no-continue', '--', 'exec', '--skip-git-repo-check', 'resume', '--last', 'what was it?'],
    '/v1/responses',
  ],
] as const)('%s goes on with its conversation after a freeze, %s (E06)', async (agent, place, first, second, path) => {
  await using host = await openProductHost({ provider: slow })
  await using other = await openProductHost({ provider: slow })
  const { checkoutPath } = visiblePaths(host.directory, undefined)
  const env = { PATH: `${join(checkoutPath, agentsPath)}:${process.env.PATH}` }
  const askedAt = async ({ provider }: ProductHost) =>
    (await provider.served()).filter((request) => request.path.split('?')[0] === path)
  const command = host.start(['start', agent, '--', ...first], { env })
  await until('the answer flows', async () => (await askedAt(host)).some(({ end }) => end === 'open'))
  const [bottle] = await host.json<readonly BottleView[]>(['ps'])
  const id = bottle?.id ?? ''
  expect((await host.run(['freeze', id])).stderr).toContain('is frozen')
  await command.ended
  if (place !== 'here') {
    const file = join(host.directory, 'moved.tar.zst')
    expect(await host.run(['snapshot', 'export', id, file])).toMatchObject({ exitCode: 0 })
    const words = ['snapshot', 'import', file, '--workspace', other.workspace]
    expect(await other.run(words)).toMatchObject({ exitCode: 0 })
  }
  const next = place === 'here' ? host : other
  const before = (await askedAt(next)).length

  const split = second.indexOf('--')
  const words = ['resume', ...second.slice(0, split), id, ...second.slice(split)]
  const resumed = next.start(words, { env })
  await until('the next question is asked', async () => (await askedAt(next)).length > before)
  await next.run(['kill', id])
  await resumed.ended
  const { body } = (await askedAt(next))[before] ?? {}
  expect(body).toContain('what was it?')
  expect(body).toContain('remember the pineapple')
})
