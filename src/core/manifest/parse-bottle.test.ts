import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
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
    'bottles/web.md:4:3: env: "HOME" is set by the sandbox, whose paths and user are not those of the host; remove it',
    'bottles/web.md:5:6: env.X: found 1, which is no text in YAML; write "1"',
    'bottles/web.md:6:26: egress.routes.host: "127.0.0.1" is an address; only names can be reached',
  ])
})

function problemsOf(yaml: string): readonly string[] {
  const parsed = parseBottleFile(`---\n${yaml}\n---\n`, { name: 'web', file: 'web.md' })
  return parsed.kind === 'invalid' ? parsed.problems.map(problemInWords) : []
}

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
  expect(problemsOf(yaml)).toEqual([expect.stringContaining(`web.md:${expected}`)])
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
    expect(problemsOf(yaml)).toContainEqual(expect.stringContaining(`web.md:${expected}`))
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
    expect(problemsOf(yaml)).toEqual([expect.stringContaining(expected)])
  })
})

describe('env', () => {
  test.each([
    ['a text', 'A: "x"', { kind: 'text', text: 'x' }],
    ['an empty text', 'A: ""', { kind: 'text', text: '' }],
    ['a plain text', 'A: some words', { kind: 'text', text: 'some words' }],
    ['a text that begins with a question mark', 'A: "??x"', { kind: 'text', text: '?x' }],
    ['a question', 'A: "?Which branch?"', { kind: 'ask', message: 'Which branch?', isSecret: false }],
    ['a question for a secret', 'A: "?! Which word?"', { kind: 'ask', message: 'Which word?', isSecret: true }],
    [
      'a question whose variable is named like a secret',
      'DB_PASSWORD: "?Which?"',
      { kind: 'ask', message: 'Which?', isSecret: true },
    ],
    [
      'options of Node, which change what runs inside only',
      'NODE_OPTIONS: --max-old-space-size=4096',
      { kind: 'text', text: '--max-old-space-size=4096' },
    ],
  ])('takes %s', (_, line, expected) => {
    const parsed = parseBottleFile(`---\nenv:\n  ${line}\n---\n`, { name: 'web', file: 'web.md' })
    const [found] = parsed.kind === 'bottle' ? parsed.bottle.env.values() : []
    expect(found?.value).toEqual(expected)
  })

  test.each([
    ['a number', 'env: {PORT: 8080}', '2:13: env.PORT: found 8080, which is no text in YAML; write "8080"'],
    ['a truth value', 'env: {CI: true}', '2:11: env.CI: found true, which is no text in YAML; write "true"'],
    ['nothing', 'env:\n  CI:', 'env.CI: found nothing; expected a text, or a question for the start'],
    [
      'a list',
      'env: {A: [x]}',
      '2:10: env.A: expected a text, or a question for the start such as "?Which branch?", found a list',
    ],
    [
      'a question without words',
      'env: {A: "?"}',
      '2:10: env.A: "?" asks nothing; write the question after it, e.g. "?Which A?"',
    ],
    ['a NUL', 'env: {A: "x\\0y"}', 'has a NUL character'],
    ['a name with a dash', 'env: {MY-VAR: x}', '2:7: env: "MY-VAR" is no name of a variable'],
    [
      'HOME',
      'env: {HOME: /root}',
      '2:7: env: "HOME" is set by the sandbox, whose paths and user are not those of the host',
    ],
    [
      'a proxy',
      'env: {https_proxy: "http://x"}',
      'env: "https_proxy" is set by the sandbox: the only way out of a bottle is its own proxy',
    ],
    [
      'a CA',
      'env: {NODE_EXTRA_CA_CERTS: /x}',
      'env: "NODE_EXTRA_CA_CERTS" is set by the sandbox: without the bottle\'s own certificate',
    ],
    ['LD_PRELOAD', 'env: {LD_PRELOAD: /x.so}', 'env: "LD_PRELOAD" puts code into every program'],
    ['our own', 'env: {BOT_BOTTLE_MARK: x}', `env: "BOT_BOTTLE_MARK" is one of bot-bottle's own variables`],
    ['one twice', 'env: {A: x, A: y}', '2:13: this key is given twice; keep one'],
  ])('refuses %s', (_, yaml, expected) => {
    expect(problemsOf(yaml)).toEqual([expect.stringContaining(expected)])
  })
})

describe('agent_provider', () => {
  test('is an own provider, with the usual endpoints of its format or with its own', () => {
    const parsed = parseBottleFile(read('own-provider.md'), { name: 'own', file: 'own.md' })
    const [provider] = parsed.kind === 'bottle' ? (parsed.bottle.providers ?? []) : []
    expect(provider?.value).toEqual({
      name: 'local-model',
      command: ['my-agent', '--quiet'],
      install: 'Install it: pip install my-agent',
      hosts: [
        { host: 'models.example.com', format: 'openai-responses' },
        {
          host: 'old.example.com',
          format: 'anthropic-messages',
          endpoints: [
            { method: 'POST', path: '/api/v2/messages', kind: 'metered' },
            { method: 'POST', path: '/api/v2/responses', kind: 'metered', format: 'openai-responses' },
            { method: '*', path: '/api/v2/info/**', kind: 'free' },
          ],
        },
      ],
      credential: {
        sources: ['env:MODEL_KEY', 'file:~/.config/model'],
        scheme: { kind: 'header', name: 'x-model-key' },
      },
      prompt: { kind: 'home_file', path: '.agent/PROMPT.md' },
      continue: ['--resume'],
    })
  })

  const own = (more: string) =>
    `agent_provider: {name: own-one, hosts: [{host: a.test, format: anthropic-messages}], credential: {secret: env:K}${more}}`

  test('needs no more than a name, a host with its format, and a credential', () => {
    expect(problemsOf(own(''))).toEqual([])
  })

  test.each([
    [
      'an unknown name',
      'agent_provider: cluade',
      '2:17: agent_provider: "cluade" is no built-in provider; did you mean "claude"?',
    ],
    ['an own one by its name alone', 'agent_provider: mistral', 'is no built-in provider; known are claude, codex'],
    [
      'a name that is nearly a built-in one',
      'agent_provider: {name: claud}',
      'the name claud is so like the built-in claude',
    ],
    [
      'an own one without hosts',
      'agent_provider: {name: mistral}',
      '2:17: agent_provider: "hosts" and "credential" are missing: mistral is no built-in provider',
    ],
    [
      'hosts of a built-in one',
      'agent_provider: {name: claude, hosts: [{host: a.test, format: anthropic-messages}]}',
      'the hosts of the built-in provider claude are its own',
    ],
    [
      'the host of a built-in one',
      'agent_provider: {name: own-one, hosts: [{host: api.anthropic.com, format: anthropic-messages}], credential: {secret: env:K}}',
      'api.anthropic.com is a host of the built-in provider claude',
    ],
    ['one twice', 'agent_provider: [claude, codex, claude]', '2:33: agent_provider: claude is given twice; keep one'],
    ['an unknown format', own('').replace('anthropic-messages', 'anthropic'), 'agent_provider.hosts.format: expected'],
    [
      'a host with a wildcard',
      own('').replace('a.test', '"*.a.test"'),
      'agent_provider.hosts.host: the text "*.a.test" is no host name',
    ],
    [
      'only free endpoints',
      own('').replace('messages}', 'messages, endpoints: [{method: GET, path: /, kind: free}]}'),
      'none of its endpoints is metered',
    ],
    [
      'a free endpoint with a format',
      own('').replace(
        'messages}',
        'messages, endpoints: [{method: GET, path: /, kind: free, format: anthropic-messages}]}',
      ),
      'a free endpoint is not metered, so it has no format',
    ],
    [
      'a credential that is written out',
      own('').replace('env:K', 'sk-secret-key'),
      'agent_provider.credential.secret: what is written here does not say where the credential is',
    ],
    [
      'a header without its scheme',
      own('').replace('env:K', 'env:K, header: x-key'),
      'a header belongs to the scheme header; write "scheme: header"',
    ],
    [
      'the scheme header without a name',
      own('').replace('env:K', 'env:K, scheme: header'),
      'a header belongs to the scheme header; name it: header: NAME',
    ],
    [
      'a header that frames the message',
      own('').replace('env:K', 'env:K, scheme: header, header: Content-Length'),
      '"Content-Length" is a header that cannot carry a credential',
    ],
    [
      'two ways of the prompt',
      own(', command: [x], prompt: {argument: -p, environment: P}'),
      'give one of argument, home_file and environment',
    ],
    ['a prompt outside the home', own(', command: [x], prompt: {home_file: ../x}'), 'is no path below the home'],
    [
      'a prompt without a program',
      own(', prompt: {argument: -p}'),
      'install, prompt and continue are about a program; name it',
    ],
    [
      'a command in one text',
      own(', command: my-agent --quiet'),
      'agent_provider.command: found one text with spaces; write its words as a list: [my-agent, --quiet]',
    ],
    ['an empty command', own(', command: []'), 'agent_provider.command: expected a list of words, found an empty one'],
    [
      'a placeholder in a variable of the sandbox',
      own(', env: PATH'),
      'agent_provider.env: "PATH" is set by the sandbox',
    ],
  ])('refuses %s', (_, yaml, expected) => {
    expect(problemsOf(yaml)).toEqual([expect.stringContaining(expected)])
  })
})

describe('egress', () => {
  const route = (more: string) => `egress: {routes: [{host: a.test${more}}]}`

  test.each([
    [
      'a level that does not exist',
      'egress: {log: 3}',
      '2:15: egress.log: found "3"; a whole number from 0 to 2 is expected',
    ],
    ['a level in quotes', 'egress: {log: "1"}', '2:15: egress.log: found the text "1"; write 1 without quotes'],
    [
      'routes without a list',
      'egress: {routes: {host: a.test}}',
      '2:18: egress.routes: expected a list of routes, found a mapping',
    ],
    ['a route without a host', 'egress: {routes: [{methods: [GET]}]}', '2:19: egress.routes: "host" is missing'],
    [
      'an address',
      'egress: {routes: [{host: 127.0.0.1}]}',
      'egress.routes.host: "127.0.0.1" is an address; only names can be reached',
    ],
    [
      'a URL',
      'egress: {routes: [{host: "https://a.test"}]}',
      'egress.routes.host: the text "https://a.test" is no host name',
    ],
    ['another spelling', 'egress: {routes: [{host: API.test}]}', '"API.test" is no canonical name; write api.test'],
    ['a method in lower case', route(', methods: [get]'), 'egress.routes.methods: "get" is no method; write GET'],
    ['a method that never passes', route(', methods: CONNECT'), '"CONNECT" is no method that passes'],
    ['no methods', route(', methods: []'), 'egress.routes.methods: expected a list of methods, found an empty one'],
    ['a path without its slash', route(', paths: [repos]'), 'egress.routes.paths: "repos" '],
    ['** within a path', route(', paths: ["/**/x"]'), 'egress.routes.paths: the text "/**/x" has ** before its end'],
    [
      'an unknown scheme',
      route(', auth: {scheme: token, secret: env:T}'),
      'egress.routes.auth.scheme: expected bearer, x-api-key, basic or header, found "token"',
    ],
    ['auth without a secret', route(', auth: {scheme: bearer}'), 'egress.routes.auth: "secret" is missing'],
    [
      'the scheme header without a name',
      route(', auth: {scheme: header, secret: env:T}'),
      'egress.routes.auth: the scheme header needs a header; name it: header: NAME',
    ],
    [
      'a header for another scheme',
      route(', auth: {scheme: bearer, header: x, secret: env:T}'),
      'the scheme bearer has a header; remove "header", or write "scheme: header"',
    ],
    [
      'a relative secret file',
      route(', auth: {scheme: bearer, secret: "file:token"}'),
      'does not say where the credential is',
    ],
    [
      'a tool that is none',
      route(', provider_tools: ["web search"]'),
      'egress.routes.provider_tools: the text "web search" is no name of a tool',
    ],
    ['websocket in words', route(', websocket: yes'), 'egress.routes.websocket: expected true or false, found "yes"'],
    [
      'another word for unlisted endpoints',
      'egress: {unlisted_endpoints: deny}',
      'egress.unlisted_endpoints: expected refuse or estimate, found "deny"',
    ],
  ])('refuses %s', (_, yaml, expected) => {
    expect(problemsOf(yaml)).toEqual([expect.stringContaining(expected)])
  })

  test('never shows what stands in place of a credential', () => {
    const told = problemsOf(route(', auth: {scheme: bearer, secret: ghp_abcdefgh}')).join('\n')
    expect(told).toContain('never the credential itself')
    expect(told).not.toContain('ghp_')
  })
})

describe('git-gate', () => {
  const repo = (fields: string) => `git-gate: {repos: {site: {${fields}}}}`

  test.each([
    'git@git.example.com:team/site.git',
    'ssh://git@git.example.com:2222/team/site.git',
    'https://git.example.com/team/site.git',
  ])('takes the URL %s', (url) => {
    expect(problemsOf(repo(`url: "${url}"`))).toEqual([])
  })

  test.each([
    [
      'a URL with a password',
      repo('url: "https://me:secret@git.example.com/a"'),
      'git-gate.repos.site.url: the text "https://me:secret@git.example.com/a" is no URL of a repository',
    ],
    ['a URL that is an option of ssh', repo('url: "ssh://-oProxyCommand=x/a"'), 'is no URL of a repository'],
    ['a path', repo('url: /srv/site.git'), 'is no URL of a repository'],
    ['an ext transport', repo('url: "ext::sh -c x"'), 'is no URL of a repository'],
    [
      'a relative identity',
      repo('identity: id_ed25519'),
      'git-gate.repos.site.identity: "id_ed25519" is no absolute path; begin it with / or ~/',
    ],
    [
      'a line of known_hosts',
      repo('host_key: git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLE'),
      'names the host too; write only ssh-ed25519 AAAA…',
    ],
    [
      'a fingerprint',
      repo('host_key: "SHA256:abc"'),
      'git-gate.repos.site.host_key: the text "SHA256:abc" is no public key',
    ],
    [
      'a name with a slash',
      'git-gate: {repos: {a/b: {url: git@a.test:b}}}',
      'git-gate.repos: "a/b" is no name of a repository',
    ],
    [
      'a user with brackets',
      'git-gate: {user: {email: <a@b.test>}}',
      'git-gate.user.email: "<a@b.test>" has a character that git does not take',
    ],
    ['remotes', 'git-gate: {remotes: {}}', 'git-gate: unknown key "remotes"'],
  ])('refuses %s', (_, yaml, expected) => {
    expect(problemsOf(yaml)).toEqual([expect.stringContaining(expected)])
  })
})

describe('budget', () => {
  test('is a number, a mapping, or a list with one budget a period', () => {
    const text = `---\nbudget:\n  claude: 5\n  codex:\n    - {limit: 1, period: day}\n    - {limit: 9, period: total, always: true}\n  own-one: {limit: 0}\n---\n`
    const parsed = parseBottleFile(text, { name: 'web', file: 'web.md' })
    expect(parsed.kind === 'bottle' && parsed.bottle.budgets.map(({ value }) => value)).toEqual([
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
    expect(problemsOf(yaml)).toEqual([expect.stringContaining(expected)])
  })
})

test.each([
  ['shutdown: pause', '2:11: shutdown: expected cutoff, freeze or kill, found "pause"'],
  ['shutdown: cutof', 'found "cutof"; did you mean "cutoff"?'],
  ['supervise: "true"', '2:12: supervise: expected true or false, found the text "true"'],
])('refuses %s', (yaml, expected) => {
  expect(problemsOf(yaml)).toEqual([expect.stringContaining(expected)])
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
