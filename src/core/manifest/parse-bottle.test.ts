import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
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
    'bottles/web.md:4:3: env: HOME is set by the sandbox, whose paths and user are not those of the host; remove it',
    'bottles/web.md:5:6: env.X: found 1, which is no text in YAML; write "1"',
    'bottles/web.md:6:26: egress.routes.host: "127.0.0.1" is an address; only names can be reached',
  ])
})
