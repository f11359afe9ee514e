import { describe, expect, test } from 'vitest'
import { bottleProblems, bottleSaying } from '../../../test/fakes/bottle-text.ts'

describe('budget', () => {
  test('is a number, a mapping, or a list with one budget a period', () => {
    const { budgets } = bottleSaying(
      [
        'budget:',
        '  claude: 5',
        '  codex:',
        '    - {limit: 1, period: day}',
        '    - {limit: 9, period: total, always: true}',
        '  own-one: {limit: 0}',
      ].join('\n'),
    )
    expect(budgets.map(({ value }) => value)).toEqual([
      { provider: 'claude', limitTokens: 5, always: false },
      { provider: 'codex', limitTokens: 1, period: 'day', always: false },
      { provider: 'codex', limitTokens: 9, period: 'total', always: true },
      { provider: 'own-one', limitTokens: 0, always: false },
    ])
  })

  test.each([
    ['1e9', 'budget: {claude: 1e9}', '2:18: budget.claude: found "1e9"; only plain digits are read; write 1000000000'],
    ['5_000', 'budget: {claude: 5_000}', 'found "5_000"; only plain digits are read; write 5000'],
    ['a text', 'budget: {claude: "5"}', 'found the text "5"; write 5 without quotes'],
    ['null', 'budget: {claude: null}', 'found nothing; write a whole number of tokens, or remove the line'],
    ['an empty text', 'budget: {claude: ""}', 'found the text ""; a whole number of tokens is expected'],
    ['a negative number', 'budget: {claude: -1}', 'found "-1"; it is negative; 0 denies all'],
    ['a fraction', 'budget: {claude: 0.5}', 'found "0.5"; a token is not divisible'],
    ['more than 2^53', 'budget: {claude: 9007199254740993}', 'it is larger than 9007199254740991'],
    ['a mapping without a limit', 'budget: {claude: {period: day}}', '2:18: budget.claude: "limit" is missing'],
    [
      'a limit of 1e9',
      'budget: {claude: {limit: 1e9}}',
      'budget.claude.limit: found "1e9"; only plain digits are read',
    ],
    [
      'an unknown period',
      'budget: {claude: {limit: 1, period: daily}}',
      'budget.claude.period: expected total, run, day, week or month, found "daily"',
    ],
    [
      'two of one period',
      'budget: {claude: [{limit: 1, period: day}, {limit: 2, period: day}]}',
      'each needs a period of its own',
    ],
    ['a misspelt provider', 'budget: {claud: 5}', '2:10: budget: unknown provider "claud"; did you mean "claude"?'],
    ['a provider that is no name', 'budget: {"Big Model": 5}', 'budget: "Big Model" is no name'],
    ['a number for all', 'budget: 5', '2:9: budget: expected a mapping ("key: value" lines), found "5"'],
  ])('refuses %s (L11)', (_, yaml, expected) => {
    expect(bottleProblems(yaml)).toEqual([expect.stringContaining(expected)])
  })
})
