/** `preflight: exact` on the real proxy, against a provider that counts four bytes a token and refuses what its API does. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type SimulatedProvider, startSimulatedProvider } from '../../src/demo/provider/simulated-provider.ts'
import { leaseChunkTokens } from '../../src/proxy/limits.ts'
import { answerSmall, leadingTo, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { anthropicHost, ask, googleHost, openaiHost } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function simulate(options: Partial<ProxyRigOptions>): Promise<{ provider: SimulatedProvider; rig: ProxyRig }> {
  const provider = stack.use(await startSimulatedProvider({ outputTokens: 50 }))
  const rig = stack.use(await openProxyRig({ ...leadingTo(provider), preflight: 'exact', ...options }))
  return { provider, rig }
}

/** Estimated at more than twice of what the provider counts, and at less than that. */
const digits = '7306,1528 '.repeat(800)
const letters = 'abcdefghij'.repeat(800)
const countedTokens = 2_000

const calls = {
  claude: {
    host: anthropicHost,
    path: '/v1/messages',
    countPath: '/v1/messages/count_tokens',
    bodyOf: (text: string) => ({
      model: 'claude-opus-4-8',
      max_tokens: 60,
      stream: true,
      metadata: { user_id: 'x' },
      messages: [{ role: 'user', content: text }],
    }),
  },
  codex: {
    host: openaiHost,
    path: '/v1/responses',
    countPath: '/v1/responses/input_tokens',
    bodyOf: (text: string) => ({
      model: 'gpt-6.1-sol',
      stream: true,
      store: false,
      max_output_tokens: 60,
      input: text,
    }),
  },
  gemini: {
    host: googleHost,
    path: '/v1beta/models/gemini-3.8-flash:generateContent',
    countPath: '/v1beta/models/gemini-3.8-flash:countTokens',
    bodyOf: (text: string) => ({
      contents: [{ role: 'user', parts: [{ text }] }],
      generationConfig: { maxOutputTokens: 60 },
    }),
  },
} as const
const names = ['claude', 'codex', 'gemini'] as const

function call(rig: ProxyRig, name: keyof typeof calls, text: string) {
  const { host, path, bodyOf } = calls[name]
  return ask(rig, { host, path, headers: ['content-type', 'application/json'], body: JSON.stringify(bodyOf(text)) })
}

const pathsOf = ({ served }: SimulatedProvider) => served.map(({ path }) => path)

describe.each(names)('a call to %s near the limit', (name) => {
  const { path, countPath } = calls[name]
  const justEnough = countedTokens + leaseChunkTokens + 100

  it('that just fits by the count of the provider is admitted, though the estimate says no', async () => {
    const { provider, rig } = await simulate({ budgets: { [name]: justEnough } })
    expect((await call(rig, name, digits)).status).toBe(200)
    await rig.settled(1)
    expect(pathsOf(provider)).toEqual([countPath, path])
    expect(rig.settlements[0]).toMatchObject({ source: 'authoritative', ending: 'complete' })
    expect(rig.spent).toEqual([])
    const unasked = await simulate({ budgets: { [name]: justEnough }, preflight: 'estimate' })
    expect((await call(unasked.rig, name, digits)).status).not.toBe(200)
    expect(pathsOf(unasked.provider)).toEqual([])
  })

  it('that does not fit is refused though the estimate says yes, and nothing metered is sent or charged', async () => {
    const budgets = { [name]: countedTokens + leaseChunkTokens - 100 }
    const { provider, rig } = await simulate({ budgets })
    const refused = await call(rig, name, letters)
    expect(refused.status).not.toBe(200)
    expect(refused.body.toString()).toContain('budget spent')
    expect(pathsOf(provider)).toEqual([countPath])
    expect(rig.spent).toHaveLength(1)
    expect(await rig.ledger.events({ limit: 10 })).toEqual([])
    expect(await rig.counterOf(name)).toMatchObject({ settledTokens: 0, reservedTokens: 0 })
    const unasked = await simulate({ budgets, preflight: 'estimate' })
    expect((await call(unasked.rig, name, letters)).status).toBe(200)
  })
})

describe('the provider', () => {
  it('is not asked while there is room for a few such calls, nor where no budget holds', async () => {
    const { provider, rig } = await simulate({ budgets: { claude: 100_000 } })
    expect((await call(rig, 'claude', digits)).status).toBe(200)
    expect((await call(rig, 'codex', digits)).status).toBe(200)
    expect(pathsOf(provider)).toEqual([calls.claude.path, calls.codex.path])
  })

  it('is asked with the real credential, as the version of the API that the client speaks (I2, C01)', async () => {
    const upstream = stack.use(await startProviderUpstream(counting(answerSmall, 40)))
    const rig = stack.use(
      await openProxyRig({ ...leadingTo(upstream), preflight: 'exact', budgets: { claude: 3_000 } }),
    )
    const headers = [
      'x-api-key',
      'placeholder',
      'anthropic-version',
      '2023-06-01',
      'anthropic-beta',
      'b1,b2',
      'x-other',
      '1',
    ]
    const body = JSON.stringify(calls.claude.bodyOf(digits))
    await ask(rig, { path: '/v1/messages?beta=true&key=mine', headers: [...headers, 'idempotency-key', 'i'], body })
    const [question] = upstream.seen
    expect(question?.line).toBe('POST /v1/messages/count_tokens?beta=true')
    expect(await question?.body).toBe(`{"model":"claude-opus-4-8","messages":[{"role":"user","content":"${digits}"}]}`)
    const sent = Object.fromEntries(pairs(question?.rawHeaders ?? []))
    expect(sent).toMatchObject({
      'x-api-key': 'real-claude-key',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'b1,b2',
    })
    expect(Object.keys(sent)).not.toContain('x-other')
    expect(Object.keys(sent)).not.toContain('idempotency-key')
  })

  it.each([
    ['an error', (_: IncomingMessage, response: ServerResponse) => response.writeHead(529).end('{}')],
    [
      'an answer without a count',
      (_: IncomingMessage, response: ServerResponse) => response.end('{"input_tokens":"9"}'),
    ],
    [
      'an answer without an end',
      (_: IncomingMessage, response: ServerResponse) => void response.write('{"input_tokens":'.repeat(9_000)),
    ],
    ['a reset', (_: IncomingMessage, response: ServerResponse) => response.destroy()],
  ])('that gives %s for a count refuses nothing by that: the upper estimate is held', async (_, answer) => {
    const upstream = stack.use(
      await startProviderUpstream((request, response) => {
        request.resume()
        if (request.url?.includes('count_tokens')) answer(request, response)
        else answerSmall(request, response)
      }),
    )
    const options = { ...leadingTo(upstream), preflight: 'exact' } as const
    const wide = stack.use(await openProxyRig({ ...options, budgets: { claude: 9_000 } }))
    expect((await call(wide, 'claude', digits)).status).toBe(200)
    // The expected tokens would fit here.
    const narrow = stack.use(await openProxyRig({ ...options, budgets: { claude: 5_500 } }))
    expect((await call(narrow, 'claude', digits)).status).toBe(402)
    expect(wide.bugs.concat(narrow.bugs)).toEqual([])
  })

  it('that does not answer at all is not waited for', async () => {
    const upstream = stack.use(
      await startProviderUpstream((request, response) => {
        request.resume()
        if (!request.url?.includes('count_tokens')) answerSmall(request, response)
      }),
    )
    const rig = stack.use(
      await openProxyRig({ ...leadingTo(upstream), preflight: 'exact', budgets: { claude: 9_000 } }),
    )
    expect((await call(rig, 'claude', digits)).status).toBe(200)
  })

  it('is asked nothing more once the bottle is cut, and its client is told so', async () => {
    const asked = Promise.withResolvers<void>()
    const upstream = stack.use(
      await startProviderUpstream((request) => {
        request.resume()
        asked.resolve()
      }),
    )
    const rig = stack.use(
      await openProxyRig({ ...leadingTo(upstream), preflight: 'exact', budgets: { claude: 9_000 } }),
    )
    const answer = call(rig, 'claude', digits)
    await asked.promise
    await rig.proxy.cut('bot-bottle: cut by the operator')
    expect((await answer).body.toString()).toContain('cut by the operator')
    expect(upstream.requestCount).toBe(1)
    expect(await rig.counterOf('claude')).toMatchObject({ settledTokens: 0, reservedTokens: 0 })
  })
})

function counting(answer: (request: IncomingMessage, response: ServerResponse) => void, tokens: number) {
  return (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    if (request.url?.includes('count_tokens')) response.end(JSON.stringify({ input_tokens: tokens }))
    else answer(request, response)
  }
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ''] as const] : []))
}
