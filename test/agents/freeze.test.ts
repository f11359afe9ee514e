/** The real Claude Code and Codex, frozen in the middle of an answer, go on with their conversation when they are resumed. */
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import { openProductHost } from '../fakes/product-host.ts'
import { visiblePaths } from '../fakes/test-user.ts'
import { until } from '../fakes/until.ts'
import { agentPackages } from './agent-packages.ts'

const slow = ['--keep-bodies', '--output-tokens', '20000', '--tokens-per-delta', '1', '--delta-interval-ms', '50']

let agentsPath = ''
beforeAll(async () => {
  agentsPath = await agentPackages()
})

test.each([
  ['claude', ['-p', 'remember the pineapple'], ['--', '-p', 'what was it?'], '/v1/messages'],
  [
    'codex',
    ['exec', '--skip-git-repo-check', 'remember the pineapple'],
    ['--no-continue', '--', 'exec', '--skip-git-repo-check', 'resume', '--last', 'what was it?'],
    '/v1/responses',
  ],
] as const)('%s goes on with its conversation after a freeze (E06)', async (agent, first, second, path) => {
  await using host = await openProductHost({ provider: slow })
  const { checkoutPath } = visiblePaths(host.directory, undefined)
  const env = { PATH: `${join(checkoutPath, agentsPath)}:${process.env.PATH}` }
  const asked = async () => (await host.provider.served()).filter((request) => request.path.split('?')[0] === path)
  const command = host.start(['start', agent, '--', ...first], { env })
  await until('the answer flows', async () => (await asked()).some(({ end }) => end === 'open'))
  const [bottle] = await host.json<readonly BottleView[]>(['ps'])
  const id = bottle?.id ?? ''
  expect((await host.run(['freeze', id])).stderr).toContain('is frozen')
  await command.ended
  const before = (await asked()).length

  const split = second.indexOf('--')
  const words = ['resume', ...second.slice(0, split), id, ...second.slice(split)]
  const resumed = host.start(words, { env })
  await until('the next question is asked', async () => (await asked()).length > before)
  await host.run(['kill', id])
  await resumed.ended
  const { body } = (await asked())[before] ?? {}
  expect(body).toContain('what was it?')
  expect(body).toContain('remember the pineapple')
})
