import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bottleProblems } from '../../../test/fakes/bottle-text.ts'
import { problemInWords } from './definition.ts'
import { parseBottleFile } from './parse-bottle.ts'

function read(name: string): string {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')
}

const at = (line: number, column: number) => ({ file: 'bottles/web.md', line, column })

test('a bottle file is read key by key, each value with its place', () => {
  const parsed = parseBottleFile(read('web.md'), { name: 'web', file: 'bottles/web.md' })
  expect(parsed).toEqual({
    kind: 'bottle',
    bottle: {
      name: 'web',
      origin: at(1, 1),
      extends: [{ value: 'base', origin: at(2, 11) }],
      providers: [{ value: { name: 'claude' }, origin: at(3, 17) }],
      env: new Map([
        ['CI', { value: { kind: 'text', text: '1' }, origin: at(4, 11) }],
        ['BRANCH', { value: { kind: 'ask', message: 'Which branch?', isSecret: false }, origin: at(4, 24) }],
        ['API_TOKEN', { value: { kind: 'ask', message: 'Which token?', isSecret: true }, origin: at(4, 53) }],
      ]),
      limits: {},
      egress: {
        log: { value: 1, origin: at(6, 8) },
        routes: [
          {
            value: {
              host: 'api.github.com',
              methods: ['GET'],
              paths: ['/repos/**'],
              auth: { scheme: { kind: 'bearer' }, secret: 'env:GITHUB_TOKEN' },
            },
            origin: at(8, 7),
          },
        ],
      },
      git: {
        userName: { value: 'Ada', origin: at(13, 16) },
        userEmail: { value: 'ada@example.com', origin: at(13, 28) },
        repositories: new Map([
          [
            'site',
            {
              origin: at(16, 7),
              url: { value: 'git@git.example.com:site.git', origin: at(16, 12) },
              identity: { value: '~/.ssh/site', origin: at(17, 17) },
              hostKey: {
                value: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLEEXAMPLEEXAMPLE',
                origin: at(18, 17),
              },
            },
          ],
        ]),
      },
      budgets: [
        { value: { provider: 'claude', limitTokens: 200_000, period: 'day', always: true }, origin: at(20, 11) },
      ],
      shutdown: { value: 'freeze', origin: at(21, 11) },
      supervise: { value: false, origin: at(22, 12) },
    },
  })
})

test('all problems of a file are told at once, in its order, with the places of the whole file', () => {
  const text = '---\nextend: base\nenv:\n  HOME: /root\n  X: 1\negress: {routes: [{host: 127.0.0.1}]}\n---\nbody\n'
  const parsed = parseBottleFile(text, { name: 'web', file: 'bottles/web.md' })
  expect(parsed.kind === 'invalid' && parsed.problems.map(problemInWords)).toEqual([
    'bottles/web.md:2:1: unknown key "extend"; did you mean "extends"?',
    'bottles/web.md:4:3: env: "HOME" is set by the sandbox, whose paths and user are not those of the host; remove it',
    'bottles/web.md:5:6: env.X: found 1, which is no text in YAML; write "1"',
    'bottles/web.md:6:26: egress.routes.host: "127.0.0.1" is an address; only names can be reached',
  ])
})

test.each([
  ['no frontmatter', 'egress: {}\n', 'web.md:1:1: the file must begin with a line "---"'],
  ['an empty file', '', 'web.md:1:1: the file must begin with a line "---"'],
  ['no end of the frontmatter', '---\nsupervise: true\n', 'web.md:1:1: the frontmatter that begins here has no end'],
])('a file with %s has one clear problem', (_, text, expected) => {
  const parsed = parseBottleFile(text, { name: 'web', file: 'web.md' })
  expect(parsed.kind === 'invalid' && parsed.problems.map(problemInWords)).toEqual([expect.stringContaining(expected)])
})

test.each([
  ['nothing between the lines', '---\n---'],
  ['a comment only', '---\n# later\n---\n'],
  ['a byte order mark and line ends of Windows', '\uFEFF---\r\n# later\r\n---\r\nbody\r\n'],
  ['sections that are still empty', '---\nenv:\negress:\n  routes:\ngit-gate:\n  repos:\nbudget:\n---\n'],
])('a file with %s says nothing', (_, text) => {
  const parsed = parseBottleFile(text, { name: 'web', file: 'web.md' })
  expect(parsed).toEqual({
    kind: 'bottle',
    bottle: {
      name: 'web',
      origin: { file: 'web.md', line: 1, column: 1 },
      extends: [],
      env: new Map(),
      git: {},
      egress: { routes: [] },
      budgets: [],
      limits: {},
    },
  })
})

test.each([
  [
    'runtime',
    'runtime: runsc',
    '2:1: "runtime" is no longer a key: which sandbox runs a bottle is chosen at its start',
  ],
  ['ssh', 'ssh: {}', '2:1: "ssh" is no longer a key: name the repositories under "git-gate: {repos: …}"'],
  ['git', 'git: {user: {name: A}}', '2:1: "git" is now "git-gate": move "user" below it'],
  ['git_user', 'git_user: {name: A}', '2:1: "git_user" is now "user" below "git-gate"'],
])('a removed key gets advice: %s', (_, yaml, expected) => {
  expect(bottleProblems(yaml)).toEqual([expect.stringContaining(`web.md:${expected}`)])
})

describe('keys', () => {
  test.each([
    ['a misspelt key', 'agent_provder: claude', '2:1: unknown key "agent_provder"; did you mean "agent_provider"?'],
    ['a key like none', 'colour: red', '2:1: unknown key "colour"; known are extends, agent_provider, env, egress'],
    ['a key that no mapping should find', '__proto__: {}\nconstructor: x', '3:1: unknown key "constructor"; known are'],
    ['a very long key', `${'k'.repeat(500)}: x`, `2:1: unknown key "${'k'.repeat(60)}…"; known are`],
    ['a key of agents', 'command: [claude]', '2:1: "command" is a key of agents (agents/NAME.md)'],
    ['a key of another place', 'routes: []', '2:1: "routes" belongs below "egress"'],
    ['a list at the top', '- web', '2:1: expected a mapping ("key: value" lines), found a list'],
    ['an anchor', 'env: &x {}', '2:9: anchors (&x) are not read'],
  ])('refuses %s', (_, yaml, expected) => {
    expect(bottleProblems(yaml)).toContainEqual(expect.stringContaining(`web.md:${expected}`))
  })
})

describe('extends', () => {
  test.each([
    ['a number', 'extends: 12', '2:10: extends: found 12, which is no text in YAML; write "12"'],
    ['nothing', 'extends:', 'extends: found nothing; expected the name of a definition, or remove the line'],
    [
      'the name of a file',
      'extends: Base.md',
      '2:10: extends: "Base.md" is no name: a name has lower-case letters, digits, - and _, and begins with a letter or a digit; write base',
    ],
    ['a path', 'extends: ../x', 'begins with a letter or a digit; write x'],
    ['a long name', `extends: ${'a'.repeat(49)}`, 'is no name: a name has at most 48 characters'],
    ['a mapping', 'extends: {a: b}', '2:10: extends: expected the name of a definition, found a mapping'],
    [
      'too many',
      `extends: [${Array.from({ length: 33 }, (_, index) => `p${index}`).join(', ')}]`,
      'extends: at most 32 are possible, found 33',
    ],
  ])('refuses %s', (_, yaml, expected) => {
    expect(bottleProblems(yaml)).toEqual([expect.stringContaining(expected)])
  })
})

test.each([
  ['shutdown: pause', '2:11: shutdown: expected cutoff, freeze or kill, found "pause"'],
  ['shutdown: cutof', 'found "cutof"; did you mean "cutoff"?'],
  ['supervise: "true"', '2:12: supervise: expected true or false, found the text "true"'],
])('refuses %s', (yaml, expected) => {
  expect(bottleProblems(yaml)).toEqual([expect.stringContaining(expected)])
})

test('every problem is at a place inside the file, whatever the file holds', () => {
  const piece = fc.constantFrom(
    ...[
      '---',
      'env:',
      '  A: 1',
      '  B: "?"',
      'egress: {routes: [{host: 1}]}',
      'extends: [a, A]',
      '\t- x',
      '"',
      '}',
      '{',
      '&a',
      '*b',
      '|',
      'budget:',
    ],
    ...[
      '  claude:',
      '  claude: [1, 2]',
      '!!str x: y',
      '? a',
      ': b',
      '%YAML 1.1',
      '\r',
      'git-gate: {repos: {a/b: }}',
      '- - -',
      '<<: {}',
    ],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = `---\n${pieces.join('\n')}\n---\nbody`
      const parsed = parseBottleFile(text, { name: 'web', file: 'web.md' })
      if (parsed.kind === 'bottle') return
      const lines = text.split('\n')
      expect(parsed.problems.length).toBeGreaterThan(0)
      for (const { line, column } of parsed.problems) {
        expect(line).toBeGreaterThan(0)
        expect(column).toBeGreaterThan(0)
        expect(column).toBeLessThanOrEqual((lines[line - 1] ?? expect.fail(`no line ${line}`)).length + 1)
      }
      const places = parsed.problems.map(({ line, column }) => line * 1_000 + column)
      expect(places).toEqual(places.toSorted((left, right) => left - right))
    }),
    { numRuns: 500 },
  )
})
