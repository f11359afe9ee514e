import { Command, Option } from 'commander'
import { expect, test } from 'vitest'
import { wantedAt } from './wanted.ts'

const program = new Command('bot-bottle')
  .addCommand(
    new Command('start')
      .summary('start an agent')
      .argument('<agent>')
      .argument('[args...]')
      .option('--bottle <name>', 'in this bottle')
      .addOption(new Option('--shutdown <policy>', 'what happens').choices(['cutoff', 'kill']))
      .addOption(new Option('--secret', 'not shown').hideHelp())
      .option('-f, --force', 'even then'),
  )
  .addCommand(new Command('run').argument('<command>').argument('[args...]').option('--env <name[=value]>'))
  .addCommand(new Command('kill').argument('<id...>'))
  .addCommand(
    new Command('budget')
      .addCommand(new Command('set').argument('<scope>').argument('<provider=tokens>'))
      .addCommand(new Command('list')),
  )

const proposed = (...words: readonly string[]) => wantedAt(program, words).proposals.map(({ value }) => value)
const values = (...words: readonly string[]) => wantedAt(program, words).values

test('the first word is a command, told by its summary', () => {
  expect(wantedAt(program, ['st']).proposals[0]).toEqual({ value: 'start', description: 'start an agent' })
  expect(proposed('')).toEqual(['start', 'run', 'kill', 'budget', 'help'])
  expect(proposed('budget', '')).toEqual(['set', 'list', 'help'])
})

test('options are those that the help shows', () => {
  expect(proposed('start', '-')).toEqual(['--bottle', '--shutdown', '--force', '--help'])
  expect(proposed('start', 'claude', '--')).toEqual(['--bottle', '--shutdown', '--force', '--help'])
})

test.each([
  [['start', ''], 'agents'],
  [['start', '--force', ''], 'agents'],
  [['start', '--shutdown', 'kill', ''], 'agents'],
  [['start', '--shutdown=kill', ''], 'agents'],
  [['start', '--bottle', ''], 'definitions'],
  [['start', 'claude', ''], 'files'],
  [['start', '--', '--bottle', ''], 'files'],
  [['run', ''], 'programs'],
  [['run', '--env', ''], 'variables'],
  [['run', 'curl', '--env', ''], 'files'],
  [['kill', ''], 'listed bottles'],
  [['kill', 'a-1', 'b-2', ''], 'listed bottles'],
  [['budget', 'set', ''], 'scopes'],
  [['budget', 'set', 'host', ''], 'budgets'],
  [['budget', 'set', 'host', 'claude=5', ''], undefined],
  [['budget', 'list', ''], undefined],
  [['nonsense', ''], undefined],
])('after %j come %s', (words, kind) => {
  expect(values(...words)).toBe(kind)
})

test('an option proposes its choices, also behind an equals sign', () => {
  expect(proposed('start', '--shutdown', '')).toEqual(['cutoff', 'kill'])
  expect(proposed('start', '--shutdown=')).toEqual(['--shutdown=cutoff', '--shutdown=kill'])
  expect(wantedAt(program, ['start', '--bottle=we'])).toEqual({
    proposals: [],
    values: 'definitions',
    prefix: '--bottle=',
  })
})

test('behind two dashes nothing is an option', () => {
  expect(proposed('start', 'claude', '--', '-')).toEqual([])
  expect(proposed('run', 'curl', '-')).toEqual([])
})
