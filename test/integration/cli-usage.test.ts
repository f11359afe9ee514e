import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandLine } from './command-line.ts'

let home = ''
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'bot-bottle-usage-'))
})
afterAll(async () => {
  expect(await readdir(home), 'a wrong command line left something behind').toEqual([])
  await rm(home, { recursive: true })
})

test.each([
  [[], 'Usage: bot-bottle COMMAND'],
  [['--help'], 'Usage: bot-bottle COMMAND'],
  [['--version'], '0.'],
  [['help', 'start'], 'Usage: bot-bottle start AGENT'],
  [['run', '--help'], 'bot-bottle run -- bash'],
  [['controller', 'stop', '--help'], '--force'],
])('help is on stdout, exit code 0: %j', async (args, part) => {
  const { exitCode, stdout, stderr } = await commandLine(args, { home })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toContain(part)
})

test('every command explains itself with an example', async () => {
  const names = [
    ...['start', 'run', 'ps', 'cutoff', 'restore', 'kill', 'usage', 'report', 'audit', 'doctor', 'controller', 'demo'],
  ]
  for (const name of names) {
    const { exitCode, stdout } = await commandLine([name, '--help'], { home })
    expect(exitCode, name).toBe(0)
    expect(stdout).toMatch(new RegExp(`^Usage: bot-bottle ${name}[^]*Examples?:\n  bot-bottle ${name}`))
  }
})

test('docs/cli.md says what the commands say', () => {
  const script = fileURLToPath(new URL('../../scripts/cli-reference.mjs', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test.each([
  [['strat'], 'there is no command "strat"', 'Did you mean "bot-bottle start"?'],
  [['xyzzy'], 'there is no command "xyzzy"', '--help lists the commands'],
  [['constructor'], 'there is no command "constructor"', '--help lists the commands'],
  [
    ['usage', '--estimator', '--by', 'model'],
    "option '--estimator' cannot be used with option '--by <what>'",
    undefined,
  ],
  [['start'], "missing required argument 'agent'", undefined],
  [['start', 'claude', '--bugdet', '5'], "unknown option '--bugdet'", 'Did you mean --budget?'],
  [['start', 'claude', '-p', 'hi'], "unknown option '-p'", 'behind --'],
  [['start', 'claude', '--budget', '1e9'], 'Only plain digits are read; write 1000000000.', undefined],
  [['start', 'claude', '--budget', 'claude=-1'], 'It is negative; 0 denies all.', undefined],
  [['start', 'claude', '--budget', '=5'], 'The provider before "=" is missing', undefined],
  [['start', 'claude', '--shutdown', 'stop'], 'Allowed choices are cutoff, freeze, kill.', undefined],
  [['start', 'claude', '--sandbox', 'docker'], 'Allowed choices are bubblewrap, none.', undefined],
  [['start', 'claude', '--workspace', 'overlay'], 'Allowed choices are layer, copy, direct, none.', undefined],
  [
    ['start', 'claude', '--read-only', '/does/not/exist'],
    '--read-only /does/not/exist: there is no such path',
    undefined,
  ],
  [['run'], "missing required argument 'command'", undefined],
  [['ps', 'claude'], "too many arguments for 'ps'", undefined],
  [['kill'], "missing required argument 'id'", undefined],
  [['usage', '--by', 'colour'], 'Allowed choices are bottle, agent, provider, model, day, hour.', undefined],
  [['usage', '--since', 'yesterday'], 'Write 90m, 12h, 7d or a time', undefined],
  [['usage', '--since', '2026-02-30'], 'There is no such day or time.', undefined],
  [['usage', '--until', '9999-01-01'], 'It lies in the future.', undefined],
  [['usage', '--since', '1h', '--until', '2h'], 'the time of --until is not after that of --since', 'the earlier time'],
  [['usage', '--by', 'day', '--limit', '3'], '--limit is of no use with --by day', '--since and --until'],
  [['usage', '--cost'], 'prices.yml, and none is built in', 'as docs/usage.md shows'],
  [['usage', '--prices', '/does/not/exist'], 'there is no price table /does/not/exist', '--prices FILE'],
  [['usage', '--prices', '/dev/null'], '/dev/null is no regular file', undefined],
  [['usage', '--estimator', '--cost'], "option '--estimator' cannot be used with option '--cost'", undefined],
  [['usage', '--csv', '--json'], "option '--csv' cannot be used with option '--json'", undefined],
  [['report'], "required option '--html <file>' not specified", undefined],
  [['report', '--html', 'x', '--since', '1h', '--until', '2h'], 'the time of --until is not after', 'the earlier time'],
  [['audit', '--limit', '0'], 'Write a number from 1 to 10000.', undefined],
  [['controller', 'statsu'], "unknown command 'statsu'", 'Did you mean status?'],
])('a wrong command line is one sentence on stderr, exit code 2: %j', async (args, message, hint) => {
  const { exitCode, stdout, stderr } = await commandLine(args, { home })
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  const [first, ...rest] = stderr.trimEnd().split('\n')
  expect(first).toMatch(/^bot-bottle: /)
  expect(first).toContain(message)
  expect(rest).toEqual(hint === undefined ? [] : [expect.stringContaining(hint)])
})

test.each([
  ['ps'],
  ['usage'],
  ['report --html x'],
  ['audit'],
  ['cutoff x'],
  ['restore x'],
  ['kill x'],
  ['controller status'],
])('without a controller, %s says so, starts none and exits with 1', async (line) => {
  const { exitCode, stdout, stderr } = await commandLine(line.split(' '), { home })
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toMatch(/^bot-bottle: no controller is running for .*\n {2}hint: .*controller run\n$/)
})

test('stopping a controller that does not run is done already', async () => {
  const { exitCode, stderr } = await commandLine(['controller', 'stop'], { home })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'bot-bottle: no controller is running\n' })
})

test('terminal escapes in what was typed are not repeated (S16)', async () => {
  const { exitCode, stderr } = await commandLine(['x\x1b]0;title\x07'], { home })
  expect(exitCode).toBe(2)
  expect(stderr).toContain('there is no command "x]0;title"')
})

test('an older Node is told in one sentence which one is needed, before anything else is loaded', async () => {
  const pretend = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.0" } })'
  const env = { NODE_OPTIONS: `--import="data:text/javascript,${encodeURIComponent(pretend)}"` }
  const { exitCode, stdout, stderr } = await commandLine(['ps'], { home, env })
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toMatch(/^bot-bottle: Node 24 or newer is needed, and this is Node 20\.19\.0\n {2}hint: .*\n$/)
})
