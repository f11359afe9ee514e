/** Any definitions that files can say, for property tests. */
import fc, { type Arbitrary } from 'fast-check'
import { periods } from '../../src/core/budget/period.ts'
import { weightPresets } from '../../src/core/budget/weights.ts'
import {
  type AgentDefinition,
  type BottleFile,
  builtIn,
  builtInOrigin,
  type EnvironmentValue,
  type GitUser,
  type Sourced,
  type WrittenBudget,
  type WrittenHost,
  type WrittenProvider,
  type WrittenRepository,
} from '../../src/core/manifest/definition.ts'
import { variableFault } from '../../src/core/manifest/environment-notation.ts'
import type { WrittenLimits } from '../../src/core/manifest/limits-notation.ts'
import type { Metrics } from '../../src/core/manifest/metrics-notation.ts'
import { isAnybodyTold, type Notify, noNotify, notifyEvents } from '../../src/core/manifest/notify-notation.ts'
import type { SettingsFile } from '../../src/core/manifest/settings.ts'
import { hostPatternFault } from '../../src/core/routing/host-pattern.ts'
import type { AuthScheme, Route } from '../../src/core/routing/route.ts'

export const definitionName = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,5}$/)
const policy = fc.constantFrom('cutoff', 'freeze', 'kill')
/** What UTF-8 can carry, but NUL; never empty, and the parser's own line ends are left to their own test. */
const anyText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const awkward = fc.constantFrom(
  'true',
  '1',
  '1e3',
  '~',
  'null',
  '- a',
  'a: b',
  '# x',
  '"',
  "'",
  '\\n',
  ' x ',
  '{',
  '|',
  '&a',
  '*a',
  '!t',
  '%',
  '@',
  '`',
)
const text = fc.oneof(anyText, awkward).filter((value) => !/[\0\r\n]/.test(value))

function sourced<Value>(value: Arbitrary<Value>): Arbitrary<Sourced<Value>> {
  return value.map(builtIn)
}

/** A record of which any field may be absent. */
function partial<Fields extends object>(fields: { [Name in keyof Fields]: Arbitrary<Fields[Name]> }) {
  return fc.record(fields, { requiredKeys: [] })
}

const variable = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,5}$/).filter((name) => variableFault(name) === undefined)
const secretVariable = /TOKEN|SECRET|PASS|CREDENTIAL|KEY/

const question = text.map((message) => message.trim()).filter((message) => message !== '' && !/^[?!]/.test(message))

const environment: Arbitrary<ReadonlyMap<string, Sourced<EnvironmentValue>>> = fc
  .uniqueArray(
    fc.tuple(
      variable,
      fc.oneof(
        fc
          .oneof(
            text,
            fc.constant(''),
            text.map((value) => `?${value}`),
          )
          .map((value) => ({ kind: 'text', text: value }) as const),
        fc.record({ kind: fc.constant('ask'), message: question, isSecret: fc.boolean() }),
      ),
    ),
    { selector: ([name]) => name, maxLength: 4 },
  )
  .map((entries) => new Map(entries.map(([name, value]) => [name, builtIn(withSecrecy(name, value))])))

/** A name that speaks of a secret makes its question one. */
function withSecrecy(name: string, value: EnvironmentValue): EnvironmentValue {
  return value.kind === 'ask' && secretVariable.test(name) ? { ...value, isSecret: true } : value
}

const budgetRest = fc.oneof(
  fc.record({ limitTokens: fc.maxSafeNat(), always: fc.boolean() }).map((budget) => [budget]),
  fc.uniqueArray(
    fc.record({ limitTokens: fc.maxSafeNat(), period: fc.constantFrom(...periods), always: fc.boolean() }),
    { selector: ({ period }) => period, minLength: 1 },
  ),
)

/** Grouped by provider, as a file has them. */
const budgets: Arbitrary<readonly Sourced<WrittenBudget>[]> = fc
  .uniqueArray(fc.tuple(fc.constantFrom('claude', 'codex', 'local-model'), budgetRest), {
    selector: ([provider]) => provider,
  })
  .map((found) => found.flatMap(([provider, rest]) => rest.map((budget) => builtIn({ provider, ...budget }))))

const host = fc.stringMatching(/^[a-z][a-z0-9-]{0,5}[a-z0-9]\.[a-z]{2,5}$/)
const pathPattern = fc.constantFrom('/', '/v1/x', '/repos/**', '/a/*/b', '/x*y', '/**')
const method = fc.constantFrom('GET', 'POST', 'M-SEARCH')
const scheme: Arbitrary<AuthScheme> = fc.oneof(
  fc.record({ kind: fc.constantFrom('bearer', 'x-api-key', 'basic') }),
  fc.record({ kind: fc.constant('header'), name: fc.constantFrom('x-token', 'PRIVATE-TOKEN') }),
  fc.record({ kind: fc.constant('query'), name: fc.constantFrom('key', 'X-Sig') }),
)
const secret = fc.constantFrom(
  'env:TOKEN_1',
  'file:~/.config/token',
  'file:/run/token',
  'keyring:npm/ada',
  'command:gh auth token',
)

const route: Arbitrary<Route> = fc
  .tuple(
    fc.oneof(
      host,
      host.map((name) => `*.${name}`).filter((pattern) => hostPatternFault(pattern) === undefined),
    ),
    partial<Omit<Route, 'host'>>({
      methods: fc.array(method, { minLength: 1, maxLength: 3 }),
      paths: fc.array(pathPattern, { minLength: 1, maxLength: 3 }),
      auth: fc.record({ scheme, secret }),
      providerTools: fc.array(fc.constantFrom('web_search', 'mcp')),
      webSocket: fc.boolean(),
    }),
  )
  .map(([name, rest]) => ({ host: name, ...rest }))

const repository: Arbitrary<WrittenRepository> = partial<Omit<WrittenRepository, 'origin'>>({
  url: sourced(
    fc.constantFrom(
      'git@git.example.com:a.git',
      'ssh://git@git.example.com:2222/a.git',
      'https://git.example.com/a.git',
    ),
  ),
  identity: sourced(fc.constantFrom('~/.ssh/id', '/keys/id')),
  hostKey: sourced(fc.constant('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLE')),
}).map((fields) => ({ origin: builtInOrigin, ...fields }))

const person = text.filter((value) => !/[<>]/.test(value))
const gitUser: Arbitrary<GitUser> = partial<GitUser>({ userName: sourced(person), userEmail: sourced(person) })
const repositories = fc
  .uniqueArray(fc.tuple(fc.constantFrom('site', 'Api.v2', 'x_y'), repository), { selector: ([name]) => name })
  .map((found) => new Map(found))

const writtenHost: Arbitrary<WrittenHost> = fc
  .tuple(
    host,
    fc.constantFrom('anthropic-messages', 'openai-responses'),
    fc.option(
      fc.array(
        fc.oneof(
          fc.record({
            method,
            path: pathPattern,
            kind: fc.constant('metered'),
            format: fc.constant('openai-responses'),
          }),
          fc.record({ method: fc.constant('*'), path: pathPattern, kind: fc.constantFrom('metered', 'free') }),
        ),
        { minLength: 1, maxLength: 3 },
      ),
      { nil: undefined },
    ),
  )
  .map(([name, format, endpoints]) => ({
    host: name,
    format,
    ...(endpoints?.some(({ kind }) => kind === 'metered') && { endpoints }),
  }))

const words = fc.array(text, { maxLength: 3 })
const command = fc
  .tuple(
    text.filter((word) => !/\s/.test(word)),
    words,
  )
  .map(([first, rest]): readonly [string, ...string[]] => [first, ...rest])

const ownProvider: Arbitrary<WrittenProvider> = fc
  .tuple(
    fc.constantFrom('local-model', 'mistral'),
    fc.array(writtenHost, { minLength: 1, maxLength: 2 }),
    fc.record({
      sources: fc.tuple(secret, secret),
      scheme: fc.constantFrom<{ kind: 'bearer' } | { kind: 'header'; name: string }>(
        { kind: 'bearer' },
        { kind: 'header', name: 'x-api-key' },
        { kind: 'header', name: 'x-own' },
      ),
    }),
    fc.option(
      fc.tuple(
        command,
        partial<Pick<WrittenProvider, 'install' | 'prompt' | 'continue' | 'env'>>({
          install: text,
          env: fc.array(variable, { maxLength: 3 }),
          continue: words,
          prompt: fc.constantFrom<NonNullable<WrittenProvider['prompt']>>(
            { kind: 'argument', flag: '--prompt' },
            { kind: 'home_file', path: '.agent/PROMPT.md' },
            { kind: 'environment', name: 'AGENT_PROMPT' },
          ),
        }),
      ),
    ),
  )
  .map(([name, hosts, credential, program]) => ({
    name,
    hosts,
    credential,
    ...(program && { command: program[0], ...program[1] }),
  }))

const providers: Arbitrary<readonly Sourced<WrittenProvider>[]> = fc.uniqueArray(
  sourced(
    fc.oneof(
      fc.constantFrom({ name: 'claude' }, { name: 'codex', command: ['codex', '--x'] } as WrittenProvider),
      ownProvider,
    ),
  ),
  { selector: ({ value }) => value.name, maxLength: 3 },
)

const size = fc.constantFrom(null, 64 * 2 ** 20, 3 * 2 ** 30)
const writtenLimits: Arbitrary<WrittenLimits> = partial<WrittenLimits>({
  memoryBytes: sourced(size),
  processes: sourced(fc.constantFrom(null, 16, 5000)),
  cpuWeight: sourced(fc.integer({ min: 1, max: 100 })),
})

export const bottleFile: Arbitrary<BottleFile> = fc
  .tuple(
    fc.record({
      name: definitionName,
      extends: fc.array(sourced(definitionName), { maxLength: 3 }),
      env: environment,
      budgets,
      limits: writtenLimits,
    }),
    partial<Pick<BottleFile, 'providers' | 'nestedSandbox' | 'supervise' | 'shutdown'>>({
      providers,
      nestedSandbox: sourced(fc.boolean()),
      supervise: sourced(fc.boolean()),
      shutdown: sourced(policy),
    }),
    gitUser,
    partial<Pick<BottleFile['git'], 'repositories'>>({ repositories }),
    fc.array(sourced(route), { maxLength: 4 }),
    partial<Omit<BottleFile['egress'], 'routes'>>({
      log: sourced(fc.constantFrom(0, 1, 2)),
      unlistedEndpoints: sourced(fc.constantFrom('refuse', 'estimate')),
    }),
  )
  .map(([required, optional, user, repos, routes, egress]) => ({
    origin: builtInOrigin,
    ...required,
    ...optional,
    git: { ...user, ...repos },
    egress: { routes, ...egress },
  }))

const prompt = fc
  .array(fc.oneof(fc.constantFrom('---', '', '# Title', 'key: value', 'text\r'), fc.string({ unit: 'grapheme' })))
  .map((lines) => lines.join('\n').trim())

export const agentDefinition: Arbitrary<AgentDefinition> = fc
  .tuple(
    fc.record({
      name: definitionName.filter((name) => name !== 'run'),
      prompt,
      budgets,
    }),
    partial<Pick<AgentDefinition, 'bottle' | 'command' | 'description' | 'gitUser' | 'shutdown'>>({
      bottle: sourced(definitionName),
      command: sourced(command),
      description: sourced(text),
      gitUser,
      shutdown: sourced(policy),
    }),
  )
  .map(([required, optional]) => ({ origin: builtInOrigin, ...required, ...optional }))

const notify: Arbitrary<Notify> = fc
  .record({
    command: fc.option(command),
    webhook: fc.option(
      fc.record({
        url: fc
          .constantFrom('https://hooks.example.com/T/x?y=1', 'http://127.0.0.1:80/', 'http://[::1]:9/')
          .map((url) => new URL(url)),
        secret: fc.option(secret),
      }),
    ),
    desktop: fc.boolean(),
    bell: fc.boolean(),
    events: fc.uniqueArray(fc.constantFrom(...notifyEvents), { minLength: 1 }),
  })
  .filter(isAnybodyTold)

const metrics: Arbitrary<Metrics> = fc.record({
  prometheus: fc.option(
    fc.record({ host: fc.constantFrom('127.0.0.1', '127.9.0.255', '::1'), port: fc.integer({ min: 1, max: 65_535 }) }),
  ),
  otlp: fc.option(
    fc.record({
      endpoint: fc.constantFrom('https://otel.example.com/x', 'http://[::1]:4318/').map((url) => new URL(url)),
      headers: fc.constantFrom(new Map(), new Map([['x-key', 'env:BOT_BOTTLE_KEY']])),
      intervalSeconds: fc.integer({ min: 5, max: 3_600 }),
    }),
  ),
})

export const settingsFile: Arbitrary<SettingsFile> = fc.record({
  budgets: budgets.map((found) => found.map(({ value }) => ({ period: 'total', ...value }) as const)),
  shutdown: policy,
  period: fc.constantFrom(...periods),
  weights: fc.oneof(
    fc.constantFrom(weightPresets.raw, weightPresets.effective),
    fc.record({
      input: fc.constantFrom(1, 0.5),
      cacheWrite: fc.constantFrom(0, 1.25),
      cacheRead: fc.constantFrom(0.125, 7),
      output: fc.constantFrom(5, 1000),
    }),
  ),
  gate: fc.constantFrom('lease', 'strict', 'off'),
  preflight: fc.constantFrom('estimate', 'exact'),
  ledger: fc.option(
    fc.record({
      url: fc.constantFrom('postgres://db.test/bottles', 'postgresql://ada:a%20b@[::1]:5433/x?sslmode=verify-full'),
      password: fc.option(fc.constantFrom('env:PGPASSWORD', 'file:~/.pg', 'command:pass pg')),
    }),
  ),
  thresholdsPercent: fc
    .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 16 })
    .map((percents) => percents.toSorted((left, right) => left - right)),
  upstreams: fc.uniqueArray(host).map((hosts) => new Map(hosts.map((name) => [name, new URL(`https://${name}:8443`)]))),
  upstreamCa: fc.option(text.map((path) => ({ path, line: 0, column: 0 }))),
  upstreamProxy: fc.option(
    fc.record({
      url: fc.constantFrom('http://proxy.test:3128', 'https://proxy.test').map((url) => new URL(url)),
      credential: fc.option(fc.constantFrom('env:BOT_BOTTLE_PROXY', 'file:~/.proxy', 'command:pass proxy')),
    }),
  ),
  noProxy: fc.uniqueArray(fc.constantFrom('a.test', '.corp.test', '10.0.0.0/8', 'fd00::/8')),
  notify: fc.option(notify, { nil: noNotify }),
  metrics,
  logLevel: fc.constantFrom('debug', 'info', 'warn', 'error'),
  retentionDays: fc.option(fc.integer({ min: 1, max: 9_999 })),
  limits: writtenLimits,
})

/** The same without the places, which differ between what was printed and what was read. */
export function withoutPlaces(value: unknown): unknown {
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, withoutPlaces(item)]))
  if (Array.isArray(value)) return value.map(withoutPlaces)
  if (typeof value !== 'object' || value === null || value instanceof URL) return value
  const fields = Object.entries(value).filter(([name]) => !['origin', 'line', 'column'].includes(name))
  return Object.fromEntries(fields.map(([name, item]) => [name, withoutPlaces(item)]))
}
