/** The demo as `npm start` plays it. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type CommandEnd, startCommand } from '../fakes/command.ts'
import { processesNaming } from '../fakes/product-host.ts'
import { checkout, withoutTool } from '../fakes/test-user.ts'

interface Show extends AsyncDisposable {
  /** Plays it in a home and a directory for temporary files of its own. */
  play(within?: readonly string[]): Promise<CommandEnd>
  expectNothingLeft(): Promise<void>
}

async function openShow(): Promise<Show> {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-show-'))
  const [home = '', temporary = ''] = ['home', 'tmp'].map((name) => join(directory, name))
  await Promise.all([mkdir(home), mkdir(temporary)])
  return {
    play: (within = []) =>
      startCommand([...within, process.execPath, join(checkout, 'src/main.ts'), 'demo'], {
        env: { PATH: process.env.PATH, HOME: home, TMPDIR: temporary },
        cwd: directory,
      }).ended,
    async expectNothingLeft() {
      expect(await readdir(home)).toEqual([])
      expect((await readdir(temporary)).filter((name) => name !== 'node-compile-cache')).toEqual([])
      expect(await processesNaming(directory)).toEqual([])
    },
    async [Symbol.asyncDispose]() {
      for (const line of await processesNaming(directory)) process.kill(Number.parseInt(line, 10), 'SIGKILL')
      await rm(directory, { recursive: true })
    },
  }
}

test.concurrent('shows the cut of an agent at a provider that it says is simulated, and leaves nothing behind', async () => {
  await using show = await openShow()
  const { exitCode, stdout, stderr } = await show.play()
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^The provider is SIMULATED/)
  expect(stdout).toMatch(/WARNING: \d+ % of the budget is used/)
  expect(stdout).toMatch(/CUT: budget spent \(run run-[0-9a-f]{6}\)/)
  expect(stdout).toMatch(/agent │ API error: .*billing_error: bot-bottle: budget spent/)
  expect(stdout).toMatch(/The audit:\n.*cutoff intent \(budget\)/)
  expect(stdout).toContain('bot-bottle start claude')
  expect(exitCode).toBe(0)
  await show.expectNothingLeft()
})

test.concurrent('plays without namespaces where the host allows none, and says so in its first line', async () => {
  await using show = await openShow()
  const { exitCode, stdout } = await show.play(withoutTool('bwrap'))
  const [first = ''] = stdout.split('\n')
  expect(first).toMatch(/allows no namespaces .*bwrap: not installed.*--sandbox none, metered but NOT contained/)
  expect(stdout).toMatch(/CUT: budget spent/)
  expect(exitCode).toBe(0)
  await show.expectNothingLeft()
})

test.concurrent('leaves nothing behind when its reader goes away', async () => {
  await using show = await openShow()
  await show.play(['bash', '-c', '"$@" | head -n 3', 'bash'])
  await show.expectNothingLeft()
})
