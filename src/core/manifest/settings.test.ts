import { describe, expect, test } from 'vitest'
import { weightPresets } from '../budget/weights.ts'
import { defaultSettings, parseSettings } from './settings.ts'

const providers = ['claude', 'codex']

function problemsOf(text: string): readonly string[] {
  const parsed = parseSettings(text, { providers, file: 'settings.yml' })
  if (parsed.kind === 'settings') return []
  return parsed.problems.map(({ line, column, message }) => `${line}:${column}: ${message}`)
}

describe('settings.yml', () => {
  test('is read key by key', () => {
    const text = [
      '# the host',
      'budget:',
      '  claude: 5000000',
      '  codex: 0',
      'shutdown: kill',
      'upstreams:',
      '  API.Anthropic.com: https://127.0.0.1:8443',
      'upstream_ca: ca.pem',
    ].join('\n')
    const parsed = parseSettings(text, { providers, file: 'settings.yml' })
    expect(parsed).toEqual({
      kind: 'settings',
      settings: {
        ...defaultSettings,
        budgets: [
          { provider: 'claude', limitTokens: 5_000_000, period: 'total', always: false },
          { provider: 'codex', limitTokens: 0, period: 'total', always: false },
        ],
        shutdown: 'kill',
        upstreams: new Map([['api.anthropic.com', new URL('https://127.0.0.1:8443')]]),
        upstreamCa: { path: 'ca.pem', line: 8, column: 14 },
      },
    })
  })

  test('names the proxy of a company, and what goes around it', () => {
    const proxyOf = (text: string) => {
      const parsed = parseSettings(text, { providers, file: 'settings.yml' })
      return parsed.kind === 'settings' ? parsed.settings : parsed.problems
    }
    expect(proxyOf('')).toMatchObject({ upstreamProxy: null, noProxy: [] })
    expect(proxyOf('upstream_proxy: http://proxy.test:3128\nno_proxy: [.corp.test, "10.0.0.0/8"]')).toMatchObject({
      upstreamProxy: { url: new URL('http://proxy.test:3128'), credential: null },
      noProxy: ['.corp.test', '10.0.0.0/8'],
    })
    expect(proxyOf('upstream_proxy: {url: https://proxy.test, credential: "file:~/.proxy"}')).toMatchObject({
      upstreamProxy: { url: new URL('https://proxy.test'), credential: 'file:~/.proxy' },
    })
  })

  test.each([
    [
      'upstream_proxy: http://ada:secret@p.test:3128',
      'do not belong here; write {url: "http://p.test:3128", credential:',
    ],
    ['upstream_proxy: socks5://p.test:1080', 'expected the URL of an HTTP proxy such as http://proxy.example.com:3128'],
    ['upstream_proxy: http://p.test/path', 'expected nothing but host and port'],
    ['upstream_proxy: {url: http://p.test, credential: ada:secret}', 'does not say where the credential is'],
    ['upstream_proxy: {url: http://p.test, credential: "env:SECRET"}', 'write e.g. env:BOT_BOTTLE_PROXY'],
    ['upstream_proxy: {credential: "file:~/x"}', 'url'],
    ['no_proxy: ["*.corp.test"]', 'has a *; write .SUFFIX'],
    ['no_proxy: ["10.0.0.0/40"]', 'has no prefix from 0 to 32'],
    ['no_proxy: corp.test', 'expected a list of hosts'],
  ])('refuses %s, without the secret', (text, why) => {
    const problems = problemsOf(text).join()
    expect(problems).toContain(why)
    expect(problems).not.toMatch(/secret/)
  })

  test('names the database in which hosts share budgets, and where its password is', () => {
    const ledgerOf = (text: string) => {
      const parsed = parseSettings(text, { providers, file: 'settings.yml' })
      return parsed.kind === 'settings' ? parsed.settings.ledger : parsed.problems
    }
    expect(ledgerOf('')).toBeNull()
    expect(ledgerOf('ledger: postgres://ada@db.test/bottles')).toEqual({
      url: 'postgres://ada@db.test/bottles',
      password: null,
    })
    expect(ledgerOf('ledger: {url: "postgresql:///bottles?host=/run/pg", password: "file:~/.pg"}')).toEqual({
      url: 'postgresql:///bottles?host=/run/pg',
      password: 'file:~/.pg',
    })
  })

  test.each([
    ['ledger: mysql://a:secret@b/c', '1:9: ledger: what is written here names no PostgreSQL database; write'],
    ['ledger: postgres://a:secret@b', '1:9: ledger: what is written here names no database; write'],
    ['ledger: postgres://a:sec#ret@b/c', '1:9: ledger: what is written here'],
    ['ledger:', '1:8: ledger: found nothing; expected the URL of a PostgreSQL database'],
    ['ledger: {password: "env:PGPASSWORD"}', '1:9: ledger: "url" is missing'],
    ['ledger: {url: "postgres://a@b/c", password: secret}', '1:45: ledger.password: what is written here does not say'],
    [
      'ledger: {url: "postgres://a@b/c", password: "env:SECRET"}',
      '1:45: ledger.password: what is written here names a',
    ],
  ])('refuses a ledger such as %s without showing a password', (text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(problem)])
    expect(problemsOf(text).join()).not.toMatch(/sec#?ret@/)
  })

  test('carries what the whole host is measured by', () => {
    const text = [
      'budget: {claude: {limit: 5, always: true}, own-one: [{limit: 6, period: day}, {limit: 7, period: run}]}',
      'shutdown: freeze',
      'period: month',
      'weights: {cache_read: 0.1, output: 5}',
      'gate: strict',
      'preflight: exact',
      'thresholds: [10, 90]',
      'ledger_retention: 90d',
      'notify:',
      '  command: [logger, bot-bottle]',
      '  webhook: {url: "https://hooks.example.com/x", secret: "env:HOOK"}',
      '  bell: true',
      '  events: [cutoff, kill]',
      'log_level: warn',
      'metrics:',
      '  prometheus: 127.0.0.1:9464',
      '  otlp: {endpoint: "https://otel.example.com/x", headers: {Authorization: "env:BOT_BOTTLE_T"}, interval: 30}',
    ].join('\n')
    expect(parseSettings(text, { providers, file: 'settings.yml' })).toEqual({
      kind: 'settings',
      settings: {
        ...defaultSettings,
        budgets: [
          { provider: 'claude', limitTokens: 5, period: 'month', always: true },
          { provider: 'own-one', limitTokens: 6, period: 'day', always: false },
          { provider: 'own-one', limitTokens: 7, period: 'run', always: false },
        ],
        shutdown: 'freeze',
        period: 'month',
        weights: { input: 1, cacheWrite: 1, cacheRead: 0.1, output: 5 },
        gate: 'strict',
        preflight: 'exact',
        thresholdsPercent: [10, 90],
        retentionDays: 90,
        notify: {
          command: ['logger', 'bot-bottle'],
          webhook: { url: new URL('https://hooks.example.com/x'), secret: 'env:HOOK' },
          desktop: false,
          bell: true,
          events: ['cutoff', 'kill'],
        },
        logLevel: 'warn',
        metrics: {
          prometheus: { host: '127.0.0.1', port: 9464 },
          otlp: {
            endpoint: new URL('https://otel.example.com/x'),
            headers: new Map([['authorization', 'env:BOT_BOTTLE_T']]),
            intervalSeconds: 30,
          },
        },
      },
    })
  })

  test('keeps exchanges in the ledger forever where that is asked for', () => {
    const parsed = parseSettings('ledger_retention: forever', { providers, file: 'settings.yml' })
    expect(parsed.kind === 'settings' && parsed.settings.retentionDays).toBe(null)
  })

  test('knows weights by name', () => {
    const parsed = parseSettings('weights: effective', { providers, file: 'settings.yml' })
    expect(parsed.kind === 'settings' && parsed.settings.weights).toEqual(weightPresets.effective)
  })

  test.each([
    ['an unknown period', 'period: year', '1:9: period: expected total, run, day, week or month, found "year"'],
    [
      'unknown weights',
      'weights: efective',
      '1:10: weights: expected raw or effective, found "efective"; did you mean "effective"?',
    ],
    [
      'a weight in words',
      'weights: {output: high}',
      '1:19: weights.output: found "high"; a plain decimal number is expected',
    ],
    [
      'a weight with too many decimals',
      'weights: {output: 0.0001}',
      '1:19: weights.output: found "0.0001"; it has more than 3 decimals',
    ],
    [
      'weights that charge nothing',
      'weights: {input: 0, cache_write: 0, cache_read: 0, output: 0}',
      '1:10: weights: all classes weigh 0',
    ],
    ['an unknown gate', 'gate: open', '1:7: gate: expected lease, strict or off, found "open"'],
    ['an unknown pre-flight', 'preflight: count', '1:12: preflight: expected estimate or exact, found "count"'],
    [
      'a threshold of 100',
      'thresholds: [50, 100]',
      '1:18: thresholds: found "100"; a whole number from 1 to 99 is expected',
    ],
    ['thresholds out of order', 'thresholds: [90, 50]', '1:13: thresholds: 50 must be larger than the one before it'],
    ...['0d', '90', '-1d', '1.5d', '12h', 'never'].map((written) => [
      `the retention ${written}`,
      `ledger_retention: ${written}`,
      `1:19: ledger_retention: expected days such as 90d (at most 9999d), or forever, found "${written}"`,
    ]),
    ['one threshold', 'thresholds: 50', '1:13: thresholds: expected a list of percents, found "50"'],
    [
      'metrics for the network',
      'metrics: {prometheus: "0.0.0.0:9464"}',
      '1:23: metrics.prometheus: expected an address of',
    ],
    [
      'metrics by a name',
      'metrics: {prometheus: "localhost:9464"}',
      'this host alone with a port, such as 127.0.0.1:9464',
    ],
    ['no such address', 'metrics: {prometheus: "127.0.0.256:9464"}', 'expected an address of this host'],
    ['no such port', 'metrics: {prometheus: "[::1]:65536"}', 'expected an address of this host'],
    ['an open collector', 'metrics: {otlp: {endpoint: "http://a.test"}}', 'metrics.otlp.endpoint: only https:// is'],
    ['a collector nowhere', 'metrics: {otlp: {interval: 30}}', '1:17: metrics.otlp: "endpoint" is missing'],
    [
      'a written out header',
      'metrics: {otlp: {endpoint: "https://a.test", headers: {x-key: abc}}}',
      'metrics.otlp.headers.x-key: what is written here',
    ],
    [
      'a header that frames',
      'metrics: {otlp: {endpoint: "https://a.test", headers: {Content-Length: "env:BOT_BOTTLE_X"}}}',
      'metrics.otlp.headers: "Content-Length" is a header that cannot carry a credential',
    ],
    ['notifications to nobody', 'notify: {events: [kill]}', '1:9: notify: nobody is told; give "command", "webhook"'],
    ['an unknown event', 'notify: {bell: true, events: [cut]}', '1:31: notify.events: expected warning, cutoff,'],
    [
      'a webhook in the clear',
      'notify: {webhook: {url: "http://a.test/"}}',
      '1:25: notify.webhook.url: only https:// is',
    ],
    [
      'a webhook with a password',
      'notify: {webhook: {url: "https://u:p@a.test/"}}',
      'a URL here has no user and no password',
    ],
    ['a webhook that is no URL', 'notify: {webhook: {url: hooks}}', 'expected a URL such as https://hooks'],
    ['a written out secret', 'notify: {webhook: {url: "https://a.test/", secret: abc}}', 'never the credential itself'],
    [
      'a notification as one text',
      'notify: {command: notify-send hello}',
      '1:19: notify.command: found one text with spaces; write its words as a list: [notify-send, hello]',
    ],
    [
      'own providers',
      'providers: {}',
      '1:1: "providers" is no key: own providers are described by "agent_provider" in bottles/NAME.md',
    ],
  ])('refuses %s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(expected)])
  })

  test.each(['', '\n# nothing but a comment\n', '~'])('without content means the defaults: %j', (text) => {
    expect(parseSettings(text, { providers, file: 'settings.yml' })).toEqual({
      kind: 'settings',
      settings: defaultSettings,
    })
  })

  test.each([
    [
      'a budget of 1e9',
      'budget: {claude: 1e9}',
      '1:18: budget.claude: found "1e9"; only plain digits are read; write 1000000000',
    ],
    [
      'underscores',
      'budget:\n  claude: 5_000',
      '2:11: budget.claude: found "5_000"; only plain digits are read; write 5000',
    ],
    [
      'a hexadecimal number',
      'budget:\n  claude: 0x10',
      '2:11: budget.claude: found "0x10"; a whole number of tokens is expected',
    ],
    [
      'a quoted number',
      'budget:\n  claude: "5000"',
      '2:11: budget.claude: found the text "5000"; write 5000 without quotes',
    ],
    [
      'an empty text',
      'budget:\n  claude: ""',
      '2:11: budget.claude: found the text ""; a whole number of tokens is expected',
    ],
    [
      'null',
      'budget:\n  claude: null',
      '2:11: budget.claude: found nothing; write a whole number of tokens, or remove the line',
    ],
    [
      'nothing',
      'budget:\n  claude:\n',
      'budget.claude: found nothing; write a whole number of tokens, or remove the line',
    ],
    ['a negative number', 'budget:\n  claude: -3', '2:11: budget.claude: found "-3"; it is negative; 0 denies all'],
    ['a fraction', 'budget:\n  claude: 1.5', '2:11: budget.claude: found "1.5"; a token is not divisible'],
    [
      'more than 2^53',
      'budget:\n  claude: 9007199254740993',
      '2:11: budget.claude: found "9007199254740993"; it is larger than',
    ],
    [
      'a list',
      'budget:\n  claude: [1, 2]',
      '2:11: budget.claude: of several budgets for one provider each needs a period of its own',
    ],
  ])('refuses as a budget: %s (L11)', (_, text, expected) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(expected)])
  })

  test.each([
    ['a misspelt key', 'budgets: {}', '1:1: unknown key "budgets"; did you mean "budget"?'],
    ['a key like none', 'colour: red', '1:1: unknown key "colour"; known are budget, shutdown, period, weights, gate,'],
    ['a misspelt provider', 'budget: {cluade: 1}', '1:10: budget: unknown provider "cluade"; did you mean "claude"?'],
    ['a number for all providers', 'budget: 5', '1:9: budget: expected a mapping ("key: value" lines), found "5"'],
    ['an unknown policy', 'shutdown: stop', '1:11: shutdown: expected cutoff, freeze or kill, found "stop"'],
    [
      'an upstream with a path',
      'upstreams: {a.test: https://b.test/v1}',
      '1:21: upstreams.a.test: expected https://HOST[:PORT]',
    ],
    [
      'an upstream with a password',
      'upstreams: {a.test: "https://u:p@b.test"}',
      '1:21: upstreams.a.test: expected https://',
    ],
    ['an upstream of another scheme', 'upstreams: {a.test: ftp://b.test}', '1:21: upstreams.a.test: expected https://'],
    ['an address as host', 'upstreams: {127.0.0.1: https://b.test}', '1:13: upstreams: expected a host name'],
    [
      'one host in two spellings',
      'upstreams: {a.test: https://b.test, A.test.: https://c.test}',
      'a.test is given twice',
    ],
    ['an empty CA path', 'upstream_ca: ""', '1:14: upstream_ca: expected the path of a PEM file, found the text ""'],
    ['a list at the top', '- budget', '1:1: expected a mapping'],
    ['a word at the top', 'hello', '1:1: expected a mapping ("key: value" lines), found "hello"'],
  ])('refuses %s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(expected)])
  })

  test.each([
    ['an anchor', 'budget: &x {claude: 1}', '1:12: anchors (&x) are not read'],
    ['an alias', 'budget: &x {claude: 1}\nshutdown: *x', '2:11: aliases (*x) are not read'],
    ['a tag', 'shutdown: !!str kill', 'tags (!…) are not read'],
    ['a merge key', '<<: {shutdown: kill}', '1:1: merge keys (<<) are not read'],
    ['a block text', 'shutdown: |\n  kill\n', '1:11: block texts (| and >) are not read'],
    ['a key given twice', 'shutdown: kill\nshutdown: cutoff', '2:1: this key is given twice; keep one'],
    ['a second document', 'shutdown: kill\n---\nshutdown: kill', '2:1: a second document begins here'],
    ['a directive', '%YAML 1.1\n---\nshutdown: kill', '1:1: directives (%YAML, %TAG) are not read'],
    ['a list as key', '? [a]\n: 1', '1:3: a key must be a plain word'],
    ['an open bracket', 'budget: {claude: 1', 'this is not YAML: '],
    ['a thousand levels', `budget: ${'['.repeat(50_000)}`, 'nested deeper than 32 levels'],
    ['forty levels', `budget: ${'['.repeat(40)}${']'.repeat(40)}`, 'nested deeper than 32 levels'],
  ])('holds YAML to its subset: refuses %s', (_, text, expected) => {
    expect(problemsOf(text)).toContainEqual(expect.stringContaining(expected))
  })

  test('tells every problem at once, in the order of the file', () => {
    expect(
      problemsOf('budget:\n  claude: 1e3\n  codx: 5\nshutdown: halt\nperiod: year').map((line) => line.split(':')[0]),
    ).toEqual(['2', '3', '4', '5'])
  })
})
