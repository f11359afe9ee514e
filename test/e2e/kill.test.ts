/** Kills of bottles that do not want to end, or have ended already (E10). How long they take: `bench/enforcement.ts`. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import type { SandboxReference } from '../../src/sandbox/sandbox.ts'
import type { Command } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { until } from '../fakes/until.ts'

let host: ProductHost
beforeAll(async () => {
  host = await openProductHost({ provider: ['--output-tokens', '50000', '--delta-interval-ms', '10'] })
})
afterAll(() => host[Symbol.asyncDispose]())

async function startBottle(script: string): Promise<{ readonly command: Command; readonly id: string }> {
  const command = host.start(['run', '--bottle', 'claude', '--workspace', 'none', '--', 'bash', '-c', script])
  await command.said(/ready|event: content_block_delta/)
  const [bottle] = await host.json<readonly BottleView[]>(['ps'])
  if (!bottle) throw new Error('the bottle does not live')
  return { command, id: bottle.id }
}

async function holderOf(id: string): Promise<number> {
  const row = await host.inLedger((ledger) => ledger.bottle(id))
  const reference = JSON.parse(row?.reference ?? '') as SandboxReference
  if (reference.kind !== 'bubblewrap') throw new Error('the bottle has no holder')
  return reference.holderPid
}

test.each<[string, string, (bottle: { readonly command: Command; readonly id: string }) => Promise<void>]>([
  ['forks', 'echo ready; while :; do (setsid sleep 600 &); sleep 0.01; done', async () => {}],
  [
    'ignores every signal that it can',
    'trap "" TERM HUP INT QUIT; echo ready; while :; do sleep 600; done',
    async () => {},
  ],
  ['streams', modelCallInShell(), async () => {}],
  [
    'is stopped, with the command that holds it',
    'echo ready; kill -STOP $$',
    async ({ command }) => command.signalGroup('SIGSTOP'),
  ],
  [
    'is gone',
    'echo ready; sleep 600',
    async ({ command, id }) => {
      // Otherwise the command would report the end of its program.
      command.signal('SIGSTOP')
      process.kill(await holderOf(id), 'SIGKILL')
      await until('nothing of it lives', async () => (await host.livingSandboxes()).length === 0)
    },
  ],
])('a bottle that %s is killed wholly, once (E10)', async (_, script, prepare) => {
  const { command, id } = await startBottle(script)
  await prepare({ command, id })
  const client = await host.client()
  const killed = await client.kill(id)
  expect(killed).toMatchObject({ changed: true, bottle: { state: 'killed' } })
  expect(await host.livingSandboxes()).toEqual([])
  expect(await client.kill(id)).toMatchObject({ changed: false })
  command.signalGroup('SIGCONT')
  await command.ended
  expect(await host.leftovers()).toEqual([])
  const phases = (await client.audit({ bottle: id })).map(({ phase, step }) => step ?? phase)
  expect(phases).toEqual(['intent', 'close', 'end', 'done'])
})
