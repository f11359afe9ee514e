/** What `run` does for its program: input, output, exit code, signals, and its end. */
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import { openProductHost } from '../fakes/product-host.ts'
import { checkout, testUsers } from '../fakes/test-user.ts'
import { until } from '../fakes/until.ts'

const inBottle = (...words: readonly string[]) => ['run', '--workspace', 'none', '--', ...words]

describe.each(testUsers)('run $title', (user) => {
  test('passes input, both outputs and the exit code, and leaves nothing running', async () => {
    await using host = await openProductHost({ user })
    const script = 'tr a-z A-Z; echo to stderr >&2; exit 42'
    const end = await host.run(inBottle('sh', '-c', script), { input: 'from stdin\n' })
    expect(end).toMatchObject({ exitCode: 42, stdout: 'FROM STDIN\n', stderr: 'to stderr\n' })
    expect(await host.leftovers()).toEqual([])
    const bottles = await host.json<readonly BottleView[]>(['ps', '--all'])
    expect(bottles).toMatchObject([{ agent: 'run', state: 'exited', exitCode: 42, contained: true }])
  })

  test('ends with every process when the command line is killed, within 2 s (S09)', async () => {
    await using host = await openProductHost({ user })
    const token = String(randomInt(1e8, 1e9))
    const fork = `setsid sleep ${token} & (sleep ${token} &) ; trap '' TERM HUP INT; echo ready; sleep ${token}; exit 1`
    const command = host.start(inBottle('sh', '-c', fork))
    await command.said(/ready/)
    await until('every process sleeps', () => processesWith(token).length === 3)
    command.signal('SIGKILL')
    await until('no process of the bottle is left', () => processesWith(token).length === 0, 2_000)
    await until('nothing is left at all', async () => (await host.leftovers()).length === 0, 2_000)
    await until('the bottle has ended', async () => {
      return (await host.json<readonly BottleView[]>(['ps', '--all']))[0]?.state === 'exited'
    })
  })
})

test.concurrent('Ctrl-C ends the program, and its exit code is passed on', async () => {
  await using host = await openProductHost()
  const command = host.start(inBottle('sh', '-c', 'echo ready; exec sleep 600'))
  await command.said(/ready/)
  command.signalGroup('SIGINT')
  expect((await command.ended).exitCode).toBe(130)
  expect(await host.leftovers()).toEqual([])
})

test.concurrent('Ctrl-C is the program’s own matter when it handles it', async () => {
  await using host = await openProductHost()
  const command = host.start(inBottle('bash', '-c', 'trap "echo caught; exit 7" INT; echo ready; sleep 600 & wait'))
  await command.said(/ready/)
  command.signalGroup('SIGINT')
  expect(await command.ended).toMatchObject({ exitCode: 7, stdout: 'ready\ncaught\n' })
})

test.concurrent.each([
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s to the command line ends the bottle, and is told as a shell tells it', async (signal, exitCode) => {
  await using host = await openProductHost()
  const command = host.start(inBottle('sh', '-c', 'echo ready; exec sleep 600'))
  await command.said(/ready/)
  command.signal(signal)
  expect((await command.ended).exitCode).toBe(exitCode)
  expect(await host.leftovers()).toEqual([])
  expect(await host.json(['ps', '--all'])).toMatchObject([{ state: 'exited', exitCode }])
})

test.concurrent('a program that dies of a signal is told as a shell tells it', async () => {
  await using host = await openProductHost()
  expect((await host.run(inBottle('sh', '-c', 'kill -SEGV $$'))).exitCode).toBe(139)
})

test.concurrent('a file that is its input or output cannot be opened anew from inside (S15)', async () => {
  await using host = await openProductHost()
  const [input, output] = [join(host.directory, 'input'), join(host.directory, 'output')]
  await writeFile(input, 'given\n')
  await writeFile(output, 'earlier\n')
  const script = 'cat; (echo planted > /proc/self/fd/0; : > /proc/self/fd/1) 2> /dev/null; exit 6'
  const redirected = ['sh', '-c', `exec "$@" < ${input} >> ${output}`, 'sh']
  expect((await host.run(inBottle('sh', '-c', script), { within: redirected })).exitCode).toBe(6)
  expect(await readFile(input, 'utf8')).toBe('given\n')
  expect(await readFile(output, 'utf8')).toBe('earlier\ngiven\n')
})

test.concurrent('a shell that took the terminal does not leave the command line stopped', async () => {
  await using host = await openProductHost()
  const session = join(host.directory, 'session.sh')
  const command = `"${process.execPath}" "${join(checkout, 'src/main.ts')}" run --workspace none`
  await writeFile(session, `${command} -- bash --norc -ic 'exit 4'\necho code $?\n`)
  // `script` gives a terminal, and an interactive shell has the job control that notices a stop.
  const inTerminal = ['sh', '-c', 'exec script -qec "$1" /dev/null', 'sh', `bash --norc -i "${session}"`]
  expect((await host.run([], { within: inTerminal })).stdout).toContain('code 4')
})

/** Processes of the whole host, bottles included, that have the text in their command line. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(text)
    } catch {
      return false
    }
  })
}
