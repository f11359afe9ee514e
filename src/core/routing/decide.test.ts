import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claude } from '../provider/claude.ts'
import { codex } from '../provider/codex.ts'
import { builtInProviders } from '../provider/providers.ts'
import { decide, type EgressPolicy, hostOwner, type RequestLine } from './decide.ts'
import type { Route } from './route.ts'

const anthropic = 'api.anthropic.com'
const openai = 'api.openai.com'
const google = 'generativelanguage.googleapis.com'
const npmAuth = { scheme: { kind: 'bearer' }, secret: 'env:NPM_TOKEN' } as const

function policy(changes: Partial<EgressPolicy> = {}): EgressPolicy {
  return { providers: builtInProviders, routes: [], unlistedEndpoints: 'refuse', ...changes }
}

function withRoutes(...routes: readonly Route[]): EgressPolicy {
  return policy({ providers: [claude], routes })
}

describe('on the host of a provider', () => {
  it.each([
    [anthropic, 'POST', '/v1/messages', 'metered', 'claude'],
    [anthropic, 'POST', '/v1/messages/count_tokens', 'free', 'claude'],
    [anthropic, 'GET', '/v1/models', 'free', 'claude'],
    [anthropic, 'GET', '/v1/models/claude-opus-4-8', 'free', 'claude'],
    [anthropic, 'HEAD', '/api/hello', 'free', 'claude'],
    [openai, 'POST', '/v1/responses', 'metered', 'codex'],
    [openai, 'POST', '/v1/responses/compact', 'metered', 'codex'],
    [openai, 'POST', '/v1/responses/input_tokens', 'free', 'codex'],
    [openai, 'POST', '/v1/chat/completions', 'metered', 'codex'],
    [openai, 'POST', '/v1/completions', 'metered', 'codex'],
    [openai, 'POST', '/v1/embeddings', 'metered', 'codex'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:generateContent', 'metered', 'gemini'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:streamGenerateContent', 'metered', 'gemini'],
    [google, 'POST', '/v1/models/gemini-2.5-pro:generateContent', 'metered', 'gemini'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:countTokens', 'free', 'gemini'],
    [google, 'GET', '/v1beta/models', 'free', 'gemini'],
    [google, 'GET', '/v1beta/models/gemini-2.5-pro', 'free', 'gemini'],
  ])('%s %s %s is %s', (host, method, path, kind, provider) => {
    expect(decide(policy(), { host, method, path })).toMatchObject({
      kind,
      provider: { name: provider },
      endpoint: { kind },
    })
  })

  it('meters a WebSocket where an endpoint speaks it, and never takes one for plain HTTP, or HTTP for one (H15)', () => {
    const asked = { host: openai, method: 'GET', path: '/v1/responses' }
    expect(decide(policy(), { ...asked, isWebSocket: true }).kind).toBe('metered')
    expect(decide(policy(), asked).kind).toBe('refused')
    for (const other of [{ method: 'POST' }, { path: '/v1/models' }, { host: anthropic, path: '/v1/models' }]) {
      expect(decide(policy(), { ...asked, ...other, isWebSocket: true }).kind).toBe('refused')
    }
  })

  const unlisted = [
    [anthropic, 'POST', '/v1/unknown'],
    [anthropic, 'POST', '/v1/messages/'],
    [anthropic, 'POST', '/V1/MESSAGES'],
    [anthropic, 'post', '/v1/messages'],
    [anthropic, 'GET', '/v1/messages'],
    [anthropic, 'POST', '/v1/models'],
    [anthropic, 'POST', '/v1/responses'],
    [openai, 'POST', '/v1/unknown'],
    [openai, 'POST', '/v1/messages'],
    [openai, 'GET', '/v1/modelsx'],
  ] as const

  it.each(unlisted)('refuses %s %s %s: an unlisted path is never free (I3, M21)', (host, method, path) => {
    expect(decide(policy(), { host, method, path })).toMatchObject({ kind: 'refused', code: 'endpoint_not_allowed' })
  })

  it.each(unlisted)(
    'meters %s %s %s by its bytes where unlisted endpoints are estimated (M22)',
    (host, method, path) => {
      const verdict = decide(policy({ unlistedEndpoints: 'estimate' }), { host, method, path })
      expect(verdict).toMatchObject({ kind: 'metered' })
      expect(verdict).not.toHaveProperty('endpoint')
    },
  )

  it.each([
    [anthropic, 'POST', '/v1/messages/batches'],
    [anthropic, 'POST', '/v1/complete'],
    [anthropic, 'POST', '/v1/files'],
    [openai, 'POST', '/v1/images/generations'],
    [openai, 'POST', '/v1/audio/speech'],
    [openai, 'POST', '/v1/batches'],
    [openai, 'POST', '/v1/files'],
    [openai, 'GET', '/v1/responses/resp_1'],
    [openai, 'POST', '/v1/responses/resp_1/cancel'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:batchGenerateContent'],
    [google, 'POST', '/v1beta/models/gemini-embedding-001:embedContent'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:generateContent:'],
    [google, 'POST', '/v1beta/models/a/b:generateContent'],
    [google, 'POST', '/v1beta/models/:generateContent'],
    [google, 'POST', '/v1beta/tunedModels/x:generateContent'],
    [google, 'POST', '/v1beta/cachedContents'],
    [google, 'POST', '/upload/v1beta/files'],
    [google, 'POST', '/v1beta/interactions'],
  ])('refuses %s %s %s (I3, M21)', (host, method, path) => {
    expect(decide(policy(), { host, method, path })).toMatchObject({ kind: 'refused', code: 'endpoint_not_allowed' })
  })

  it('routes open nothing: whatever they say, the verdict is the same (I3)', () => {
    const route = fc.record(
      {
        host: fc.constantFrom(anthropic, openai, '*.anthropic.com', '*.openai.com', '*.com', 'api.github.com'),
        methods: fc.constantFrom(['GET'], ['POST']),
        paths: fc.constantFrom(['/**'], ['/v1/files'], ['/v1/*']),
      },
      { requiredKeys: ['host'] },
    )
    const line = fc.record({
      host: fc.constantFrom(anthropic, openai),
      method: fc.constantFrom('GET', 'POST'),
      path: fc.constantFrom('/', '/v1/files', '/v1/messages', '/v1/responses', '/v1/x/y'),
    })
    const providers = fc.subarray([...builtInProviders])
    fc.assert(
      fc.property(fc.array(route, { maxLength: 4 }), line, providers, (routes, asked, own) => {
        const verdict = decide(policy({ providers: own, routes }), asked)
        expect(verdict).toEqual(decide(policy({ providers: own }), asked))
        expect(verdict.kind).not.toBe('routed')
      }),
    )
  })

  it('of a provider that the bottle does not have refuses, also where a route names it (I3)', () => {
    const line = { host: openai, method: 'POST', path: '/v1/responses' }
    for (const routes of [[], [{ host: openai }], [{ host: '*.openai.com' }]]) {
      expect(decide(withRoutes(...routes), line)).toEqual({
        kind: 'refused',
        code: 'host_not_allowed',
        reason:
          'api.openai.com belongs to the provider codex, which this bottle does not have, and no route opens it; "agent_provider: codex" in its definition would',
      })
    }
    expect(decide(policy({ providers: [codex] }), line).kind).toBe('metered')
  })

  it('is allowed only in its exact canonical spelling (H03)', () => {
    const spelling = fc.oneof(
      fc.domain(),
      fc.constantFrom(
        `evil-${anthropic}`,
        `${anthropic}.evil.test`,
        `x.${anthropic}`,
        `${anthropic}.`,
        'anthropic.com',
      ),
      fc.mixedCase(fc.constant(anthropic)),
    )
    fc.assert(
      fc.property(spelling, (host) => {
        expect(hostOwner(builtInProviders, host) !== undefined).toBe([anthropic, openai, google].includes(host))
      }),
    )
  })

  it.each(unlisted)('refuses %s %s %s also while the bottle learns (I3)', (host, method, path) => {
    for (const providers of [builtInProviders, []]) {
      expect(decide(policy({ providers, learns: true }), { host, method, path }).kind).toBe('refused')
    }
  })
})

describe('on other hosts', () => {
  const asked = (text: string): RequestLine => {
    const [method = '', url = ''] = text.split(' ')
    const { host, pathname } = new URL(url)
    return { host, method, path: pathname }
  }
  const wide = { host: '*.example.com' }
  const nearer = { host: '*.api.example.com', methods: ['GET'] }
  const exact = { host: 'v1.api.example.com', paths: ['/open/**', '/files/*'] }
  const writing = { host: 'v1.api.example.com', paths: ['/open/**'], methods: ['PUT'] }

  it.each([
    ['POST https://www.example.com/a', wide],
    ['POST https://a.b.example.com/a', wide],
    ['GET https://v2.api.example.com/a', nearer],
    ['GET https://v1.api.example.com/open/a/b', exact],
    ['PUT https://v1.api.example.com/open/a/b', exact],
  ])('%s takes the most specific route, the first of equals', (text, route) => {
    expect(decide(withRoutes(wide, nearer, exact, writing), asked(text))).toEqual({ kind: 'routed', route })
  })

  it('the first listed of equals is only taken when method and path match', () => {
    expect(decide(withRoutes(writing, exact), asked('GET https://v1.api.example.com/open/a'))).toEqual({
      kind: 'routed',
      route: exact,
    })
  })

  it.each([
    [
      'GET https://registry.npmjs.org/left-pad',
      'host_not_allowed',
      'no route of this bottle allows the host registry.npmjs.org; this line under egress.routes would: - host: registry.npmjs.org',
    ],
    [
      'GET https://example.com/',
      'host_not_allowed',
      'no route of this bottle allows the host example.com; this line under egress.routes would: - host: example.com',
    ],
    [
      'POST https://v2.api.example.com/a',
      'route_not_allowed',
      'the route to *.api.example.com does not allow POST /a, only GET; this line under egress.routes would: - {host: "*.api.example.com", methods: [POST], paths: ["/a"]}',
    ],
    [
      'POST https://v1.api.example.com/closed',
      'route_not_allowed',
      'the route to v1.api.example.com does not allow the path /closed, only /open/**, /files/*; this line under egress.routes would: - {host: "v1.api.example.com", methods: [POST], paths: ["/closed"]}',
    ],
  ])('refuses %s, and says what would allow it', (text, code, reason) => {
    const routes = [wide, nearer, exact]
    expect(decide(withRoutes(...routes), asked(text))).toEqual({ kind: 'refused', code, reason })
  })

  it('what an exact host does not allow is not allowed by a wildcard either', () => {
    const line = asked('GET https://v1.api.example.com/closed')
    expect(decide(withRoutes(wide, exact), line).kind).toBe('refused')
    expect(decide(withRoutes(wide), line).kind).toBe('routed')
  })

  it('an odd path is taken by a route that looks at no path, and by nothing else (H12)', () => {
    const line = {
      host: 'registry.npmjs.org',
      method: 'GET',
      path: '/@types%2fnode',
      oddity: 'it encodes one of . / \\ % ;',
    }
    const all = { host: 'registry.npmjs.org', methods: ['GET'] }
    const some = { host: 'registry.npmjs.org', paths: ['/**'] }
    const odd = { kind: 'refused', code: 'odd_path' }
    expect(decide(withRoutes(all), line)).toEqual({ kind: 'routed', route: all })
    expect(decide(withRoutes(some, all), line)).toEqual({ kind: 'routed', route: all })
    expect(decide(withRoutes(some), line)).toMatchObject(odd)
    expect(decide(withRoutes(all), { ...line, method: 'PUT' })).toMatchObject(odd)
    expect(decide(withRoutes(), line)).toMatchObject({ kind: 'refused', code: 'host_not_allowed' })
    for (const unlistedEndpoints of ['refuse', 'estimate'] as const) {
      const onProvider = { ...line, host: anthropic, path: '/v1/messages;x' }
      expect(decide(policy({ unlistedEndpoints }), onProvider)).toMatchObject(odd)
    }
  })

  it('while it learns, what no route allows passes, marked as such', () => {
    const learning = { ...withRoutes(exact, { host: 'registry.npmjs.org', auth: npmAuth }), learns: true }
    const learned = (host: string) => ({ kind: 'routed', route: { host }, isLearned: true })
    expect(decide(learning, asked('GET https://example.com/a'))).toEqual(learned('example.com'))
    expect(decide(learning, asked('PUT https://v1.api.example.com/closed'))).toEqual(learned('v1.api.example.com'))
    expect(decide(learning, { ...asked('GET https://example.com/a'), oddity: 'odd' })).toEqual(learned('example.com'))
    expect(decide(learning, asked('GET https://registry.npmjs.org/x'))).not.toHaveProperty('isLearned')
  })

  it('the line that a refusal names allows the request', () => {
    const segment = fc.stringMatching(/^[a-z"'*%]{1,60}$/).filter((text) => !text.includes('%'))
    const path = fc.array(segment, { minLength: 1, maxLength: 12 }).map((segments) => `/${segments.join('/')}`)
    fc.assert(
      fc.property(path, fc.constantFrom('GET', 'PUT'), (asking, method) => {
        const line = { host: 'v1.api.example.com', method, path: asking }
        const first = { host: line.host, paths: ['/other'] }
        const verdict = decide(withRoutes(first), line)
        if (verdict.kind !== 'refused') throw new Error('it was not refused')
        const named = /methods: \[(\w+)\], paths: \[(".*")\]\}$/.exec(verdict.reason)
        const pattern: string = JSON.parse(named?.[2] ?? '')
        const further = { host: line.host, methods: [named?.[1] ?? ''], paths: [pattern] }
        expect(decide(withRoutes(first, further), line)).toEqual({ kind: 'routed', route: further })
      }),
    )
  })
})

it.each([
  ['any method and path', { method: 'DELETE', path: '/whatever' }, policy()],
  ['a route to everything below .internal', { method: 'GET', path: '/budget' }, withRoutes({ host: '*.internal' })],
  ['a bottle that learns', { method: 'GET', path: '/budget' }, policy({ learns: true })],
])('what a bottle asks about itself is no matter of routes: %s', (_, line, rules) => {
  expect(decide(rules, { host: 'bottle.internal', ...line })).toEqual({ kind: 'own' })
  expect(decide(rules, { host: 'x.bottle.internal', ...line }).kind).not.toBe('own')
})
