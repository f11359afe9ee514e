import { describe, expect, test } from 'vitest'
import { claude } from '../provider/claude.ts'
import { placeholderCredential } from '../provider/provider.ts'
import { emptyBottle } from './built-ins.ts'
import { unusedBudgets } from './check-whole.ts'
import { type BottleFile, problemInWords } from './definition.ts'
import { parseAgentFile } from './parse-agent.ts'
import { parseBottleFile } from './parse-bottle.ts'
import { neededDefinitions, resolveBottle } from './resolve-bottle.ts'

/** Files by name, given as their frontmatter. */
function filesOf(texts: Readonly<Record<string, string>>): ReadonlyMap<string, BottleFile> {
  return new Map(
    Object.entries(texts).map(([name, yaml]) => {
      const parsed = parseBottleFile(`---\n${yaml}\n---\n`, { name, file: `bottles/${name}.md` })
      if (parsed.kind === 'invalid') throw new Error(parsed.problems.map(problemInWords).join('\n'))
      return [name, parsed.bottle]
    }),
  )
}

function resolve(names: readonly string[], texts: Readonly<Record<string, string>>) {
  const files = filesOf(texts)
  const resolved = resolveBottle({ names, files, known: [...files.keys(), 'claude', 'codex'] })
  if (resolved.kind === 'invalid') throw new Error(resolved.problems.map(problemInWords).join('\n'))
  return resolved.bottle
}

function scopesOf(names: readonly string[], texts: Readonly<Record<string, string>>): string {
  return resolve(names, texts)
    .scopes.map(({ name }) => name)
    .join(' ')
}

describe('the order of definitions', () => {
  test('nearest first: the child, then its later parent with all of its own, then the earlier one (L18)', () => {
    const texts = { web: 'extends: [left, right]', left: '', right: 'extends: above', above: '' }
    expect(scopesOf(['web'], texts)).toBe('web right above left')
  })

  test('a diamond counts once, behind all of its children (L18)', () => {
    const texts = { web: 'extends: [left, right]', left: 'extends: base', right: 'extends: base', base: '' }
    expect(scopesOf(['web'], texts)).toBe('web right left base')
  })

  test('a parent that is also a grandparent lies behind its child, in whatever order they are named (L18)', () => {
    const texts = { a: 'extends: [base, mid]', b: 'extends: [mid, base]', mid: 'extends: base', base: '' }
    expect(scopesOf(['a'], texts)).toBe('a mid base')
    expect(scopesOf(['b'], texts)).toBe('b mid base')
  })

  test('of several that are asked for the later is nearer', () => {
    expect(scopesOf(['a', 'b'], { a: 'extends: base', b: '', base: '' })).toBe('b a base')
  })
})

test.each([
  ['two in a circle', ['a'], { a: 'extends: b', b: 'extends: a' }, 'bottles/b.md:2:10: extends: a → b → a comes back'],
  ['itself', ['a'], { a: 'extends: a' }, 'bottles/a.md:2:10: extends: a → a comes back to itself'],
  [
    'an unknown parent',
    ['a'],
    { a: 'extends: [bse]', base: '' },
    'bottles/a.md:2:11: extends: no bottle has the name "bse" (a → bse). Did you mean "base"?',
  ],
  ['an unknown name', ['wbe'], { web: '' }, '--bottle: no bottle has the name "wbe". Did you mean "web"?'],
])('an error shows the chain: %s (L18)', (_, names, texts, expected) => {
  expect(() => resolve(names, texts)).toThrow(expected)
})

describe('what children and parents say', () => {
  test('variables go by name', () => {
    const { env } = resolve(['web'], {
      web: 'extends: [left, right]\nenv: {A: web}',
      left: 'env: {A: left, B: left, C: left}',
      right: 'env: {B: right}',
    })
    expect([...env].map(([name, { value }]) => [name, value.kind === 'text' && value.text])).toEqual([
      ['A', 'web'],
      ['B', 'right'],
      ['C', 'left'],
    ])
  })

  test('a value that both sides of a diamond inherit does not win over the side that says its own (L18)', () => {
    const { env } = resolve(['web'], {
      web: 'extends: [left, right]',
      left: 'extends: base\nenv: {A: left}',
      right: 'extends: base',
      base: 'env: {A: base}',
    })
    expect(env.get('A')?.value).toEqual({ kind: 'text', text: 'left' })
    expect(env.get('A')?.origin).toEqual({ file: 'bottles/left.md', line: 3, column: 10 })
  })

  test('the git user goes by field', () => {
    const { git } = resolve(['web'], {
      web: 'extends: base\ngit-gate: {user: {name: Web}}',
      base: 'git-gate: {user: {name: Base, email: base@example.com}}',
    })
    expect([git.userName?.value, git.userEmail?.value]).toEqual(['Web', 'base@example.com'])
  })

  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLE'
  const site = (fields: string) => `git-gate: {repos: {site: {${fields}}}}`

  test('repositories are united by name, and one of both by field', () => {
    const { git } = resolve(['web'], {
      web: `extends: base\n${site('url: git@b.test:x')}`,
      base: `git-gate: {repos: {site: {url: git@a.test:x, identity: /k, host_key: ${key}}, docs: {url: https://a.test/d}}}`,
    })
    expect([...git.repositories].map(([name, { value }]) => [name, value])).toEqual([
      ['site', { url: 'git@b.test:x', identity: '/k', hostKey: key }],
      ['docs', { url: 'https://a.test/d' }],
    ])
  })

  test('an explicit empty mapping drops the repositories of the parents, a later child can add its own', () => {
    const texts = {
      base: site('url: https://a.test/x'),
      none: 'extends: base\ngit-gate: {repos: {}}',
      more: 'extends: none\ngit-gate: {repos: {docs: {url: https://a.test/d}}}',
      silent: 'extends: base\ngit-gate: {repos: }',
    }
    expect([...resolve(['none'], texts).git.repositories.keys()]).toEqual([])
    expect([...resolve(['more'], texts).git.repositories.keys()]).toEqual(['docs'])
    expect([...resolve(['silent'], texts).git.repositories.keys()]).toEqual(['site'])
  })

  test('routes are appended, those of the parents first; a diamond appends its own once', () => {
    const route = (host: string) => `egress: {routes: [{host: ${host}}]}`
    const { egress } = resolve(['web'], {
      web: `extends: [left, right]\n${route('web.test')}`,
      left: `extends: base\n${route('left.test')}`,
      right: `extends: base\n${route('right.test')}`,
      base: route('base.test'),
    })
    expect(egress.routes.map(({ value }) => value.host)).toEqual(['base.test', 'left.test', 'right.test', 'web.test'])
  })

  test('of what is said once the nearest holds; what a child leaves out stays', () => {
    const texts = {
      base: 'egress: {log: 2, unlisted_endpoints: estimate}\nsupervise: true\nshutdown: kill\nagent_provider: [claude, codex]',
      web: 'extends: base\negress: {log: 0}\nagent_provider: codex',
    }
    const bottle = resolve(['web'], texts)
    expect(bottle.egress.log?.value).toBe(0)
    expect(bottle.egress.unlistedEndpoints?.value).toBe('estimate')
    expect(bottle.supervise?.value).toBe(true)
    expect(bottle.shutdown?.value).toBe('kill')
    expect(bottle.providers.map(({ value }) => value.name)).toEqual(['codex'])
  })

  test('several bottles that are asked for are laid over each other by the same rules', () => {
    const texts = { one: 'env: {A: one, B: one}\nshutdown: kill\nagent_provider: claude', two: 'env: {A: two}' }
    const { env, shutdown, names } = resolve(['one', 'two'], texts)
    expect([env.get('A')?.value, env.get('B')?.value]).toEqual([
      { kind: 'text', text: 'two' },
      { kind: 'text', text: 'one' },
    ])
    expect(shutdown?.value).toBe('kill')
    expect(names).toEqual(['one', 'two'])
  })

  test('budgets are not merged: each definition keeps its own', () => {
    const { scopes } = resolve(['web'], {
      web: 'extends: base\nagent_provider: claude\nbudget: {claude: 5}',
      base: 'budget: {claude: 9, codex: 7}',
    })
    expect(scopes.map(({ name, budgets }) => [name, budgets.map(({ value }) => value.limitTokens)])).toEqual([
      ['web', [5]],
      ['base', [9, 7]],
    ])
  })
})

describe('an own provider', () => {
  const written =
    'name: own-one, hosts: [{host: a.test, format: anthropic-messages}], credential: {secret: env:OWN_KEY}'

  test('has the usual endpoints of its format, and a placeholder where its credential would be', () => {
    const [provider] = resolve(['own'], { own: `agent_provider: {${written}}` }).providers
    expect(provider?.value).toMatchObject({
      name: 'own-one',
      credential: { sources: ['env:OWN_KEY'], scheme: { kind: 'bearer' } },
      env: { OWN_KEY: placeholderCredential },
    })
    expect(provider?.value.hosts[0]?.endpoints[0]).toEqual({
      method: 'POST',
      path: '/v1/messages',
      kind: 'metered',
      format: 'anthropic-messages',
    })
    expect(provider?.value.program).toBeUndefined()
  })

  test('has a program where it names one', () => {
    const [provider] = resolve(['own'], {
      own: `agent_provider: {${written}, command: [x, -y], env: [A, B]}`,
    }).providers
    expect(provider?.value.program).toEqual({
      command: ['x', '-y'],
      installHint: '',
      prompt: { kind: 'none' },
      continueArguments: [],
    })
    expect(Object.keys(provider?.value.env ?? {})).toEqual(['A', 'B'])
  })

  test('of a built-in name is that one with some things said otherwise', () => {
    const [provider] = resolve(['own'], {
      own: 'agent_provider: {name: claude, command: [claude, --verbose]}',
    }).providers
    expect(provider?.value).toEqual({
      ...claude,
      program: { ...claude.program, command: ['claude', '--verbose'] },
    })
  })
})

const bearer = (secret: string) => `auth: {scheme: bearer, secret: "env:${secret}"}`

test.each([
  [
    'a repository that stays without a URL',
    { web: 'extends: base\ngit-gate: {repos: {site: {}}}', base: 'git-gate: {repos: {site: {identity: /k}}}' },
    ['bottles/web.md:3:26: git-gate.repos.site: "url" is missing, here and in the parents'],
  ],
  [
    'a repository by SSH without its keys',
    { web: 'git-gate: {repos: {site: {url: git@a.test:x}}}' },
    ['bottles/web.md:2:26: git-gate.repos.site: "identity" and "host_key" are missing, here and in the parents'],
  ],
  [
    'a repository by HTTPS with a key',
    { web: 'git-gate: {repos: {site: {url: https://a.test/x, identity: /k}}}' },
    ['bottles/web.md:2:60: git-gate.repos.site: https://a.test/x is not reached by SSH'],
  ],
  [
    'a route that an earlier one hides with another credential',
    {
      web: `extends: base\negress: {routes: [{host: a.test, methods: [GET], paths: [/x/y], ${bearer('MINE')}}]}`,
      base: `egress: {routes: [{host: a.test, paths: ["/x/**"], ${bearer('THEIRS')}}]}`,
    },
    [
      'bottles/web.md:3:19: egress.routes: a.test with the credential env:MINE (bearer) is never reached: bottles/base.md:2:19 comes first',
    ],
  ],
  [
    'a route to the host of a provider that the bottle does not have',
    { web: 'egress: {routes: [{host: api.anthropic.com}]}' },
    [
      'bottles/web.md:2:19: egress.routes: api.anthropic.com belongs to the provider claude, which this bottle does not have',
    ],
  ],
  [
    'a budget of the bottle for a provider that it does not use',
    { web: 'agent_provider: claude\nbudget: {codex: 5}' },
    ['bottles/web.md:3:17: budget.codex: the bottle uses claude, so this would never hold'],
  ],
  [
    'a budget of a bottle without a provider',
    { web: 'budget: {claude: 5}' },
    ['bottles/web.md:2:18: budget.claude: the bottle uses no provider, so this would never hold'],
  ],
  [
    'a budget of a parent for a provider that nobody knows',
    { web: 'extends: base\nagent_provider: claude', base: 'budget: {mistral: 5}' },
    ['bottles/base.md:2:19: budget: unknown provider "mistral"; known are claude, codex'],
  ],
  [
    'a variable that holds the placeholder of a credential',
    { web: 'extends: [base, claude]', base: 'env: {ANTHROPIC_API_KEY: "?Which key?"}' },
    ['bottles/base.md:2:26: env.ANTHROPIC_API_KEY: the bottle has a placeholder there'],
  ],
  [
    'two providers at one host',
    {
      web: `agent_provider: [${['own-one', 'own-two'].map((name) => `{name: ${name}, hosts: [{host: a.test, format: anthropic-messages}], credential: {secret: env:K}}`).join(', ')}]`,
    },
    ['bottles/web.md:2:117: agent_provider: a.test is a host of own-one and of own-two'],
  ],
])('refuses %s', (_, texts, expected) => {
  const files = filesOf(texts)
  const resolved = resolveBottle({ names: ['web'], files, known: [...files.keys()] })
  const problems = resolved.kind === 'invalid' ? resolved.problems.map(problemInWords) : []
  expect(problems).toEqual(expected.map((line) => expect.stringContaining(line)))
})

test('a narrower route before a wider one may have its own credential: the first that matches is taken', () => {
  const routes = `[{host: a.test, paths: [/x/y], ${bearer('ONE')}}, {host: a.test, ${bearer('TWO')}}]`
  expect(resolve(['web'], { web: `egress: {routes: ${routes}}` }).egress.routes).toHaveLength(2)
})

test('what a child may complete is not missed where bottles are only checked as its parents', () => {
  const routes = 'egress: {routes: [{host: api.anthropic.com, provider_tools: web_search}]}'
  const files = filesOf({ base: `git-gate: {repos: {site: {identity: /k}}}\nbudget: {claude: 5}\n${routes}` })
  expect(resolveBottle({ names: ['base'], files, known: ['base'] }).kind).toBe('invalid')
  expect(resolveBottle({ names: ['base'], files, known: ['base'], asParents: true }).kind).toBe('bottle')
})

test('budgets of an agent are for providers of its bottle', () => {
  const parsed = parseAgentFile('---\nbudget: {codex: 5, claude: 6}\n---\n', { name: 'a', file: 'agents/a.md' })
  const budgets = parsed.kind === 'agent' ? parsed.agent.budgets : []
  expect(unusedBudgets(budgets, resolve(['claude'], {})).map(problemInWords)).toEqual([
    expect.stringContaining('agents/a.md:2:17: budget.codex: the bottle uses claude, so this would never hold'),
  ])
})

test('what no start asks for is empty', () => {
  expect(resolve([], {})).toEqual(emptyBottle)
})

test('only the chain is needed, as far as it is not read yet', () => {
  const files = filesOf({ web: 'extends: [left, right]', left: 'extends: base', other: 'extends: more' })
  expect(neededDefinitions(['web', 'codex'], files)).toEqual(['codex', 'right', 'base'])
})

test('a built-in bottle takes part like a file, and a file of its name wins', () => {
  expect(resolve(['web'], { web: 'extends: claude' }).providers[0]?.value.name).toBe('claude')
  expect(resolve(['claude'], { claude: 'agent_provider: codex' }).providers[0]?.value.name).toBe('codex')
})

test('limits go by field, the nearest wins', () => {
  const bottle = resolve(['web'], {
    web: 'extends: base\nagent_provider: claude\nlimits: {processes: 100}',
    base: 'limits: {processes: unlimited, cpu_weight: 7}',
  })
  expect(bottle.limits).toMatchObject({ processes: { value: 100 }, cpuWeight: { value: 7 } })
})
