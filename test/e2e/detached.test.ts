/** Bottles that live in the background. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BottleView, ControllerStatus } from '../../src/controller/api.ts'
import type { AuditEntry } from '../../src/ledger/ledger.ts'
import { typed } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost, processesNaming } from '../fakes/product-host.ts'
import { testUsers } from '../fakes/test-user.ts'
import { until } from '../fakes/until.ts'

/** Waits for a file of that name in its workspace, which is the host's own. */
const waitFor = (name: string) => `until [ -e ${name} ]; do sleep 0.05; done`

async function detach(host: ProductHost, script: string, ...options: readonly string[]): Promise<string> {
  const words = ['--detach', '--bottle', 'claude', '--workspace', 'direct', ...options, '--', 'bash', '-c', script]
  const { exitCode, stdout, stderr } = await host.run(['run', ...words])
  expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^run-[0-9a-f]{6}\n$/) })
  return stdout.trim()
}

async function viewOf(host: ProductHost, id: string): Promise<BottleView | undefined> {
  return (await host.json<readonly BottleView[]>(['ps', '--all'])).find((bottle) => bottle.id === id)
}

async function holderOf(host: ProductHost): Promise<number> {
  const [line = '', ...others] = (await processesNaming(host.directory)).filter((one) => / \S*\/holder\.ts /.test(one))
  if (line === '' || others.length > 0) throw new Error('not exactly one bottle is in the background')
  return Number.parseInt(line, 10)
}

async function killController(host: ProductHost): Promise<void> {
  process.kill((await host.json<ControllerStatus>(['controller', 'status'])).pid, 'SIGKILL')
}

test.each(testUsers)(
  'a bottle $title goes on in the background, metered, over the death of its controller, and its exit code is kept (S10)',
  async (user) => {
    await using host = await openProductHost({ user })
    const asking = `until [ -e enough ]; do ${modelCallInShell()} 2> /dev/null | grep message_stop; sleep 0.05; done; exit 7`
    const id = await detach(host, `tty < /dev/tty; ${asking}`)
    const following = host.start(['logs', '--follow', id])
    await following.said(/message_stop/)
    const before = await viewOf(host, id)
    expect(before).toMatchObject({ state: 'running', detached: true })

    await killController(host)
    await until('the next controller meters it', async () => {
      const now = await viewOf(host, id).catch(() => undefined)
      return (now?.chargedTokens ?? 0) > (before?.chargedTokens ?? 0)
    })
    await writeFile(join(host.workspace, 'enough'), '')
    expect(await following.ended).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('message_stop') })
    await until('its end is written', async () => (await viewOf(host, id))?.state === 'exited')
    expect(await viewOf(host, id)).toMatchObject({ exitCode: 7, detached: false })
    expect((await host.run(['logs', id])).stdout).toContain('the next one has taken the bottle up')
    await until('its holder has ended', async () => (await host.leftovers()).length === 0)
  },
)

/** Words in front of a command that give it a terminal of 33 rows; afterwards the exit code, and whether the terminal is as it was. */
const inTerminal = [
  ...['bash', '-c'],
  `exec script --quiet --return --command "stty rows 33 cols 111; found=\\$(stty -g); $*; echo code \\$?
  [[ \\$found = \\$(stty -g) ]] && echo as found" /dev/null`,
  'terminal',
]

test('a terminal is attached, left and attached again, as if the program had been started in it', async () => {
  await using host = await openProductHost()
  const script = `printf 'ready\\033[?25l\\n'; while read -r line; do echo "<$line> $(stty size)"; [ "$line" = end ] && exit 5; done`
  const id = await detach(host, script)
  const attach = () => host.start(['attach', id], { within: inTerminal, input: typed, env: { SHELL: '/bin/bash' } })
  const first = attach()
  await first.said(/.\[\?25lready/)
  first.type('one\r')
  await first.said(/<one> 33 111/)
  const second = attach()
  await second.said(/ready[\s\S]*<one>/)
  second.type('two\r')
  await first.said(/<two>/)
  first.type('\u0010\u0011')
  // What the program had switched is switched back.
  await first.said(/.\[\?25h[\s\S]*runs on; bot-bottle attach .* comes back/)
  expect((await first.ended).stdout).toMatch(/code 0\s+as found\s*$/)
  second.type('end\r')
  expect((await second.ended).stdout).toMatch(/<end>[\s\S]*has ended: it is exited\s+code 5\s+as found\s*$/)
  expect(await host.run(['attach', id])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('logs -f') })
  const third = attach()
  expect((await third.ended).stdout).toContain('does not run in the background: it is exited')
})

test('a bottle ends with the process that holds it, and is marked', async () => {
  await using host = await openProductHost()
  const id = await detach(host, 'echo ready; sleep 600')
  const following = host.start(['logs', '-f', id])
  await following.said(/ready/)
  process.kill(await holderOf(host), 'SIGKILL')
  expect(await following.ended).toMatchObject({ exitCode: 0 })
  await until('its end is written', async () => (await viewOf(host, id))?.state === 'exited')
  expect(await viewOf(host, id)).toMatchObject({ exitCode: null })
  expect(await host.leftovers()).toEqual([])
})

test('what it printed is shown inert, of an ended bottle too, until it is killed (S16)', async () => {
  await using host = await openProductHost()
  const printed = String.raw`\033]0;title\007\033[31mred\033[0m\001\nlast\n`
  const id = await detach(host, `printf '${printed}'; ${waitFor('over')}`, '--no-tty')
  const following = host.start(['logs', '-f', '-n', '1', id])
  await following.said(/^last\n/)
  await writeFile(join(host.workspace, 'over'), '')
  expect((await following.ended).exitCode).toBe(0)
  expect(await host.run(['logs', id])).toMatchObject({ exitCode: 0, stdout: 'red\\u0001\nlast\n' })
  expect((await host.run(['logs', '--raw', id])).stdout).toBe(
    '\u001b]0;title\u0007\u001b[31mred\u001b[0m\u0001\nlast\n',
  )
  expect(await host.run(['kill', id])).toMatchObject({ exitCode: 0 })
  expect(await host.run(['logs', id])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('has no log') })
})

test('a bottle in the background is frozen and goes on there with the same log; a kill ends its holder', async () => {
  await using host = await openProductHost()
  const script = 'echo "round $(cat round)"; echo 2 > round; sleep 600'
  const id = await detach(host, script, '--workspace', 'layer')
  await host.start(['logs', '-f', id]).said(/round/)
  expect(await host.run(['freeze', id])).toMatchObject({ exitCode: 0 })
  await until('its holder has ended', async () => (await host.leftovers()).length === 0)
  expect(await host.run(['resume', '--detach', id])).toMatchObject({ exitCode: 0, stdout: `${id}\n` })
  await host.start(['logs', '-f', id]).said(/round \nbot-bottle: frozen: [^\n]*\n.*is frozen.*\nround 2/)
  expect(await host.run(['kill', id])).toMatchObject({ exitCode: 0 })
  await until('its holder has ended', async () => (await host.leftovers()).length === 0)
  expect(await viewOf(host, id)).toMatchObject({ state: 'killed' })
})

async function auditOf(host: ProductHost): Promise<readonly string[]> {
  const entries = await host.json<readonly AuditEntry[]>(['audit'])
  return entries.map(({ action, trigger, phase, step }) => [action, trigger, step ?? phase].join(' '))
}

test('a program that fails is started again in its bottle, until it succeeds; the audit says so', async () => {
  await using host = await openProductHost()
  const script = 'echo x >> tries; echo "try $(wc -l < tries)"; [ "$(wc -l < tries)" = 2 ] && exit 0; exit 3'
  const id = await detach(host, script, '--restart', 'on-failure')
  const following = host.start(['logs', '-f', id])
  await following.said(/try 1\nbot-bottle: restarted: its program failed with exit code 3; restart 1\ntry 2\n/)
  expect((await following.ended).exitCode).toBe(0)
  expect(await viewOf(host, id)).toMatchObject({ state: 'exited', exitCode: 0 })
  expect(await auditOf(host)).toEqual(['restart program intent', 'restart program done'])
})

test('a bottle that is cut off is not started again', async () => {
  await using host = await openProductHost()
  const id = await detach(host, `echo ready; ${waitFor('over')}; exit 3`, '--restart', 'on-failure')
  const following = host.start(['logs', '-f', id])
  await following.said(/ready/)
  await host.run(['cutoff', id])
  await writeFile(join(host.workspace, 'over'), '')
  expect((await following.ended).stdout.match(/ready/g)).toHaveLength(1)
  expect(await viewOf(host, id)).toMatchObject({ state: 'exited', exitCode: 3 })
})

test('a bottle ends when its time is over, also while no controller runs, and keeps what it changed', async () => {
  await using host = await openProductHost()
  const script = 'echo made > made; echo ready; sleep 600'
  const attached = host.start(['run', '--timeout', '3s', '--', 'bash', '-c', script])
  expect(await attached.ended).toMatchObject({
    exitCode: 124,
    stderr: expect.stringMatching(/killed: the time of this bottle is over.[\s\S]*1 change in the workspace/),
  })
  const id = await detach(host, script, '--workspace', 'layer', '--timeout', '5s')
  const following = host.start(['logs', '-f', id])
  await following.said(/ready/)
  await killController(host)
  expect((await following.ended).exitCode).toBe(0)
  expect(await viewOf(host, id)).toMatchObject({ state: 'exited', exitCode: 124 })
  expect((await host.run(['diff', id, '--name-status'])).stdout).toContain('made')
  const ofOne = ['intent', 'close', 'end', 'done'].map((step) => `kill timeout ${step}`)
  expect(await auditOf(host)).toEqual([...ofOne, ...ofOne])
  expect(await host.leftovers()).toEqual([])
})

test('bottles outlive the restart of a service: one controller leaves them, another takes its place', {
  timeout: 120_000,
}, async () => {
  await using host = await openProductHost()
  const id = await detach(host, `echo ready; ${waitFor('over')}; exit 4`)
  await host.start(['logs', '-f', id]).said(/ready/)
  const { pid } = await host.json<ControllerStatus>(['controller', 'status'])
  const first = host.start(['controller', 'run', '--replace'])
  await until('it has taken the place', async () => {
    const status = await host.json<ControllerStatus>(['controller', 'status']).catch(() => undefined)
    return status?.pid === first.pid && status.pid !== pid
  })
  expect(await host.run(['controller', 'stop', '--leave-bottles'])).toMatchObject({ exitCode: 0 })
  expect((await first.ended).exitCode).toBe(0)
  await until(
    'the holder has started the next one',
    async () => (await viewOf(host, id).catch(() => undefined)) !== undefined,
  )
  expect(await viewOf(host, id)).toMatchObject({ state: 'running', detached: true })
  await writeFile(join(host.workspace, 'over'), '')
  await until('it has ended', async () => (await viewOf(host, id))?.exitCode === 4)
})

test('what cannot be is refused before anything starts', async () => {
  await using host = await openProductHost()
  expect(await host.run(['run', '--no-tty', '--', 'true'])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--detach'),
  })
  expect(await host.run(['run', '--detach', '--', 'no-such-program'])).toMatchObject({ exitCode: 1, stdout: '' })
  expect(await host.json(['ps', '--all'])).toEqual([])
})
