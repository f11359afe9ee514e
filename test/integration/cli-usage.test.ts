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
  [['--nope'], "unknown option '--nope'", 'bot-bottle --help lists its options'],
  [['ps', '--nope'], "unknown option '--nope'", 'bot-bottle ps --help lists its options'],
  [
    ['usage', '--estimator', '--by', 'model'],
    "option '--estimator' cannot be used with option '--by <what>'",
    'Give one of them.',
  ],
  [['start'], "missing required argument 'agent'", 'Write: bot-bottle start AGENT [OPTIONS] [-- ARGS]'],
  [['start', 'claude', '--bugdet', '5'], "unknown option '--bugdet'", 'Did you mean --budget?'],
  [['start', 'claude', '-p', 'hi'], "unknown option '-p'", 'behind --'],
  [
    ['start', 'claude', '--budget', '1e9'],
    '"1e9" is no value for --budget',
    'Only plain digits are read; write 1000000000.',
  ],
  [['start', 'claude', '--budget', 'claude=-1'], 'is no value for --budget', 'It is negative; 0 denies all.'],
  [['start', 'claude', '--budget', '=5'], 'is no value for --budget', 'The provider before "=" is missing'],
  [['start', 'claude', '--budget', ''], '"" is no value for --budget', 'A number of tokens is expected'],
  [['start', 'claude', '--env', '=x'], '"=x" is no value for --env', '"" is no name of a variable'],
  [
    ['start', 'claude', '--shutdown', 'stop'],
    '"stop" is no value for --shutdown',
    'Allowed choices are cutoff, freeze, kill.',
  ],
  [['start', 'claude', '--shutdown', 'kil'], '"kil" is no value for --shutdown', 'Did you mean kill?'],
  [['start', 'claude', '--sandbox', 'docker'], 'no value for --sandbox', 'Allowed choices are bubblewrap, none.'],
  [
    ['start', 'claude', '--read-only', '/does/not/exist'],
    '--read-only /does/not/exist: there is no such path',
    'a file or',
  ],
  [['start', 'claude', '--read-only', ''], 'the value of --read-only is empty', 'Write: bot-bottle start'],
  [['start', ''], 'the value of <agent> is empty', 'Write: bot-bottle start'],
  [['run'], "missing required argument 'command'", 'Write: bot-bottle run [OPTIONS] -- COMMAND [ARGS]'],
  [['ps', 'claude'], "too many arguments for 'ps'", 'Write: bot-bottle ps [options]'],
  [['kill'], "missing required argument 'id'", 'Write: bot-bottle kill [options] <id...>'],
  [['kill', 'a-1', ''], 'the value of <id> is empty', 'Write: bot-bottle kill [options] <id...>'],
  [['budget', 'unset', 'host', ''], 'the value of <provider> is empty', 'Write: bot-bottle budget unset'],
  [
    ['budget', 'set', 'host', 'claude'],
    '"claude" is no value for <provider=tokens>',
    'A whole number of tokens is expected',
  ],
  [['budget', 'set', 'host', '5'], '"5" is no value for <provider=tokens>', 'Write PROVIDER=5, e.g. claude=5.'],
  [['budget', 'lst'], "unknown command 'lst'", 'Did you mean list?'],
  [['budget', 'xyzzy'], "unknown command 'xyzzy'", 'bot-bottle budget --help lists its commands'],
  [
    ['usage', '--by', 'colour'],
    '"colour" is no value for --by',
    'Allowed choices are bottle, agent, provider, model, day, hour.',
  ],
  [['usage', '--since', 'yesterday'], '"yesterday" is no value for --since', 'Write 90m, 12h, 7d or a time'],
  [['usage', '--since', '2026-02-30'], 'is no value for --since', 'There is no such day or time.'],
  [['usage', '--until', '9999-01-01'], 'is no value for --until', 'It lies in the future.'],
  [['usage', '--since', '1h', '--until', '2h'], 'the time of --until is not after that of --since', 'the earlier time'],
  [['usage', '--by', 'day', '--limit', '3'], '--limit is of no use with --by day', '--since and --until'],
  [['usage', '--cost'], 'prices.yml, and none is built in', 'as docs/usage.md shows'],
  [['usage', '--prices', '/does/not/exist'], 'there is no price table /does/not/exist', '--prices FILE'],
  [['usage', '--prices', '/dev/null'], '/dev/null is no regular file', undefined],
  [['usage', '--estimator', '--cost'], "option '--estimator' cannot be used with option '--cost'", 'Give one of them.'],
  [['usage', '--csv', '--json'], "option '--csv' cannot be used with option '--json'", 'Give one of them.'],
  [['audit', '--limit', '0'], '"0" is no value for --limit', 'Write a number from 1 to 10000.'],
  [['completion', 'tcsh'], '"tcsh" is no value for <shell>', 'Allowed choices are bash, zsh, fish.'],
  [['report'], "required option '--html <file>' not specified", 'Write: bot-bottle report'],
  [['report', '--html', 'x', '--since', '1h', '--until', '2h'], 'the time of --until is not after', 'the earlier time'],
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
