/**
 * Completion as real shells do it: a line is typed, the key is pressed, and what the shell then runs is looked at. The controller is
 * the test's own, so that the bottles are known.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hostPaths } from '../../src/host/paths.ts'
import { startCommand, typed } from '../fakes/command.ts'
import { commandLine, mainPath } from './command-line.ts'

const bottles = [
  { id: 'web-1a2b3c', agent: 'web', state: 'running', createdAtMs: 0 },
  { id: 'old-4d5e6f', agent: 'old', state: 'frozen', createdAtMs: 0 },
]
const ended = { id: 'done-0a1b2c', agent: 'done', state: 'exited', createdAtMs: 0 }
/** What no shell may be given. */
const evil = { id: '$(touch pwned)', agent: 'x', state: 'frozen', createdAtMs: 0 }

let directory = ''
let server: Server
const env = () => ({
  PATH: `${join(directory, 'bin')}:${process.env.PATH}`,
  HOME: directory,
  BOT_BOTTLE_HOME: directory,
  TERM: 'dumb',
  INPUTRC: '/dev/null',
})

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-completion-'))
  const { runPath, socketPath } = hostPaths(directory)
  for (const name of [runPath, join(directory, 'agents'), join(directory, 'bin'), join(directory, 'work')]) {
    await mkdir(name)
  }
  await writeFile(join(directory, 'agents/reviewer.md'), '')
  await writeFile(join(directory, 'work/notes.txt'), '')
  const product = join(directory, 'bin/bot-bottle')
  await writeFile(product, `#!/bin/sh\nexec "${process.execPath}" "${mainPath}" "$@"\n`)
  await chmod(product, 0o755)
  server = createServer(({ url }, response) =>
    response.end(JSON.stringify([...bottles, evil, ...(url === '/v1/bottles?all=1' ? [ended] : [])])),
  ).listen(socketPath)
  await once(server, 'listening')
})
afterAll(async () => {
  server.close()
  server.closeAllConnections()
  await rm(directory, { recursive: true })
})

/** What is typed up to the key, and the words that the shell then has. */
const lines: readonly (readonly [string, readonly string[]])[] = [
  ['cuto', ['cutoff']],
  ['start rev', ['start', 'reviewer']],
  ['resume ', ['resume', 'old-4d5e6f']],
  ['kill we', ['kill', 'web-1a2b3c']],
  ['audit --bottle done', ['audit', '--bottle', 'done-0a1b2c']],
  ['usage --by mod', ['usage', '--by', 'model']],
  ['usage --by=mod', ['usage', '--by=model']],
  ['budget set run:we', ['budget', 'set', 'run:web-1a2b3c']],
  ['budget set host cl', ['budget', 'set', 'host', 'claude=']],
  ['ledger verify no', ['ledger', 'verify', 'notes.txt']],
]

/** Each begins its own: `bot-bottle` then prints its words. */
const begin = {
  bash: ['bash --norc --noprofile -i', 'bind "set enable-bracketed-paste off"; source <(bot-bottle completion bash)'],
  zsh: [
    'zsh -f -i',
    'unset zle_bracketed_paste; autoload -U compinit; compinit -u -D; source <(bot-bottle completion zsh)',
  ],
} as const
const show = `bot-bottle() { printf '<%s>' "$@"; echo; }`

describe.concurrent.each(['bash', 'zsh'] as const)('in %s', (shell) => {
  test('a word is completed to what can stand there', async () => {
    const [command, load] = begin[shell]
    const inTerminal = startCommand(['script', '-qec', command, '/dev/null'], {
      env: env(),
      cwd: join(directory, 'work'),
      input: typed,
    })
    inTerminal.type(`${load}; ${show}; echo re""ady\n`)
    await inTerminal.said(/ready/)
    for (const [line, words] of lines) {
      const shown = words.map((word) => `<${word}>`).join('')
      inTerminal.type(`bot-bottle ${line}\t\n`)
      await inTerminal.saidAnew(new RegExp(`^${shown}\r?$`, 'm'))
    }
    inTerminal.type('exit\n')
    expect((await inTerminal.ended).exitCode).toBe(0)
  })
})

test.concurrent('in fish a word is completed to what can stand there', async () => {
  const script = 'bot-bottle completion fish | source; for line in $argv; echo; complete -C "bot-bottle $line"; end'
  const asked = lines.map(([line]) => line)
  const { stdout } = await promisify(execFile)('fish', ['--no-config', '-c', script, ...asked], {
    env: env(),
    cwd: join(directory, 'work'),
  })
  const proposed = stdout.split('\n\n').map((part) =>
    part
      .trim()
      .split('\n')
      .map((one) => one.split('\t')[0]),
  )
  expect(proposed).toEqual(lines.map(([, words]) => expect.arrayContaining(words.slice(-1))))
  expect(proposed.flat()).not.toContain(evil.id)
})

test('without a controller nothing is proposed, started or told', async () => {
  const home = join(directory, 'empty')
  await mkdir(home)
  const end = await commandLine(['__complete', '--', 'resume', ''], { home })
  expect(end).toEqual({ exitCode: 0, stdout: 'words\n', stderr: '' })
})
