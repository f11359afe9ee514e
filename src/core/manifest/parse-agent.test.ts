import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { problemInWords } from './definition.ts'
import { parseAgentFile } from './parse-agent.ts'

const source = { name: 'reviewer', file: 'agents/reviewer.md' }
const at = (line: number, column: number) => ({ file: source.file, line, column })

test('an agent file is read key by key; what stands below is its prompt', () => {
  const text = readFileSync(new URL('fixtures/reviewer.md', import.meta.url), 'utf8')
  expect(parseAgentFile(text, source)).toEqual({
    kind: 'agent',
    agent: {
      name: 'reviewer',
      origin: at(1, 1),
      description: { value: 'Reviews what others wrote', origin: at(2, 14) },
      bottle: { value: 'web', origin: at(3, 9) },
      command: { value: ['claude', '--model', 'opus'], origin: at(4, 10) },
      gitUser: {
        userName: { value: 'Reviewer', origin: at(6, 16) },
        userEmail: { value: 'reviewer@example.com', origin: at(6, 33) },
      },
      budgets: [
        { value: { provider: 'claude', limitTokens: 100_000, always: false }, origin: at(8, 11) },
        { value: { provider: 'codex', limitTokens: 5_000, period: 'day', always: false }, origin: at(9, 10) },
      ],
      shutdown: { value: 'kill', origin: at(10, 11) },
      prompt: '# Your task\n\nReview the last commit.\n\n---\n\nBe short.',
    },
  })
})

test('an agent may say nothing at all', () => {
  expect(parseAgentFile('---\n---\n', source)).toEqual({
    kind: 'agent',
    agent: { name: 'reviewer', origin: at(1, 1), prompt: '', budgets: [] },
  })
})

function problemsOf(yaml: string): readonly string[] {
  const parsed = parseAgentFile(`---\n${yaml}\n---\n`, source)
  return parsed.kind === 'invalid' ? parsed.problems.map(problemInWords) : []
}

test.each([
  ['a misspelt key', 'botle: web', '2:1: unknown key "botle"; did you mean "bottle"?'],
  [
    'a key of bottles',
    'egress: {}',
    '2:1: "egress" is a key of bottles: write it into bottles/NAME.md, and here "bottle: NAME"',
  ],
  ['repositories', 'git-gate: {repos: {}}', '2:12: git-gate: "repos" is for bottles'],
  ['a prompt as a key', 'prompt: do it', '2:1: the prompt is what stands below the frontmatter; move it there'],
  ['a description of several lines', 'description: "a\\nb"', '2:14: description: the text "a\\nb" has several lines'],
  ['several bottles', 'bottle: [web, api]', '2:9: bottle: expected the name of a definition, found a list'],
  ['a bottle that is no name', 'bottle: bottles/web.md', 'bottle: "bottles/web.md" is no name'],
  [
    'a command in one text',
    'command: claude --model opus',
    '2:10: command: found one text with spaces; write its words as a list: [claude, --model, opus]',
  ],
  ['a program without a name', 'command: [""]', "command: the program's name is empty"],
  [
    'a text where a list of texts is meant',
    'command: [sleep, 5]',
    'command: found 5, which is no text in YAML; write "5"',
  ],
])('refuses %s', (_, yaml, expected) => {
  expect(problemsOf(yaml)).toEqual([expect.stringContaining(expected)])
})

describe('budget', () => {
  test.each([
    ['1e9', 'only plain digits are read; write 1000000000'],
    ['5_000', 'write 5000'],
    ['"5000"', 'write 5000 without quotes'],
    ['""', 'a whole number of tokens is expected'],
    ['null', 'found nothing; write a whole number of tokens'],
    ['-1', 'it is negative; 0 denies all'],
    ['1.5', 'a token is not divisible'],
    ['9007199254740993', 'it is larger than 9007199254740991'],
  ])('refuses %s (L11)', (value, expected) => {
    expect(problemsOf(`budget: {claude: ${value}}`)).toEqual([expect.stringContaining(expected)])
  })
})

test('a prompt cannot hold a NUL, which no argument can', () => {
  expect(parseAgentFile('---\n---\nOne line,\nand \0.', source)).toMatchObject({
    kind: 'invalid',
    problems: [{ line: 4, message: expect.stringContaining('NUL') }],
  })
})

test('no agent can be called like the programs that run without one', () => {
  expect(parseAgentFile('---\n---\n', { name: 'run', file: 'agents/run.md' })).toMatchObject({
    kind: 'invalid',
    problems: [{ message: expect.stringContaining('no agent can have the name "run"') }],
  })
})

describe('a file that would keep its reader busy', () => {
  test('is refused by its length, prompt not counted', () => {
    expect(problemsOf(`# ${'x'.repeat(70_000)}`)).toEqual([
      'agents/reviewer.md:1:1: its keys and values have 70004 characters; at most 65536 are read',
    ])
    expect(parseAgentFile(`---\n---\n${'x'.repeat(70_000)}`, source)).toMatchObject({ kind: 'agent' })
  })

  test('is told of the first hundred problems, and how many there are more', () => {
    const problems = problemsOf(Array.from({ length: 103 }, (_, index) => `key${index}: 1`).join('\n'))
    expect(problems).toHaveLength(101)
    expect(problems[99]).toContain('"key99"')
    expect(problems[100]).toBe('agents/reviewer.md:102:1: 3 more problems from here on; correct those above first')
  })

  test('has each key that is given twice told once, where it is repeated, however it is quoted', () => {
    expect(problemsOf('bottle: web\n"bottle": api\nbottle: more')).toEqual([
      'agents/reviewer.md:3:1: this key is given twice; keep one',
      'agents/reviewer.md:4:1: this key is given twice; keep one',
    ])
  })
})
