/**
 * The official SDKs, with the fetch of Node and its proxy variables, against a simulated provider: what a program in a bottle
 * does, by the explicit proxy.
 */
import { setGlobalProxyFromEnv } from 'node:http'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterEach, describe, expect, it } from 'vitest'
import { operatorCutMessage } from '../../src/core/budget/wording.ts'
import { placeholderCredential } from '../../src/core/provider/provider.ts'
import {
  type SimulatedProvider,
  type SimulatedProviderOptions,
  startSimulatedProvider,
} from '../../src/demo/provider/simulated-provider.ts'
import { answerSmall, leadingTo, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'

const trustedBefore = getCACertificates('default')
let stack = new AsyncDisposableStack()

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

/** A rig that this process is led through, as a bottle without containment would be. */
async function inBottle(
  budgets: Readonly<Record<string, number>>,
  options: SimulatedProviderOptions = {},
): Promise<{ readonly provider: SimulatedProvider; readonly rig: ProxyRig }> {
  const provider = stack.use(await startSimulatedProvider({ outputTokens: 3_000, ...options }))
  return { provider, rig: await leadThrough(provider, budgets) }
}

async function leadThrough(upstream: Parameters<typeof leadingTo>[0], budgets: Readonly<Record<string, number>>) {
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), budgets }))
  setDefaultCACertificates([...trustedBefore, rig.caCertificate])
  stack.defer(() => setDefaultCACertificates(trustedBefore))
  stack.defer(setGlobalProxyFromEnv({ https_proxy: `http://127.0.0.1:${rig.ports.proxy}` }))
  return rig
}

const anthropic = (maxRetries = 2) => new Anthropic({ apiKey: placeholderCredential, maxRetries })
const openai = (maxRetries = 2) => new OpenAI({ apiKey: placeholderCredential, maxRetries })
const prompt = { model: 'claude-opus-4-8', max_tokens: 4_000, messages: [{ role: 'user' as const, content: 'say hi' }] }
const question = { model: 'gpt-5', input: 'say hi' }

/** What the caller of an SDK reads. */
async function failureOf(call: PromiseLike<unknown>): Promise<Error & { readonly status?: number }> {
  try {
    await call
  } catch (error) {
    return error as Error
  }
  throw new Error('expected the call to fail')
}

async function lastEventOf(stream: AsyncIterable<OpenAI.Responses.ResponseStreamEvent>) {
  let last: OpenAI.Responses.ResponseStreamEvent | undefined
  for await (const event of stream) last = event
  return last
}

describe('the Anthropic SDK in a bottle', () => {
  it('streams and reads documents; what the ledger has is what the provider reported (M01, C01)', async () => {
    const { provider, rig } = await inBottle({ claude: 1_000_000 })
    const streamed = await anthropic().messages.stream(prompt).finalMessage()
    const whole = await anthropic().messages.create(prompt)
    expect(streamed.content).toEqual(whole.content)
    await rig.settled(2)
    for (const [index, { usage }] of [streamed, whole].entries()) {
      expect(rig.settlements[index]).toMatchObject({
        chargeTokens: usage.input_tokens + usage.output_tokens,
        source: 'authoritative',
        ending: 'complete',
      })
    }
    for (const { credentials } of provider.served) {
      expect(Object.values(credentials)).toEqual(['real-claude-key'])
    }
    expect(rig.bugs).toEqual([])
  })

  it('asks again where the provider fails: two attempts, each charged in an event of its own (M23)', async () => {
    const upstream = stack.use(
      await startProviderUpstream((request, response) => {
        if (upstream.requestCount > 1) return answerSmall(request, response)
        const usage = { input_tokens: 7, output_tokens: 1 }
        response.writeHead(500, { 'content-type': 'application/json', 'retry-after-ms': '1' })
        response.end(JSON.stringify({ type: 'error', error: { type: 'api_error', message: 'broke off' }, usage }))
      }),
    )
    const rig = await leadThrough(upstream, { claude: 1_000_000 })
    await anthropic(1).messages.create(prompt)
    await rig.settled(2)
    expect(upstream.requestCount).toBe(2)
    expect(new Set((await rig.ledger.events({ limit: 10 })).map(({ attemptId }) => attemptId)).size).toBe(2)
    expect(rig.settlements.map(({ chargeTokens }) => chargeTokens)).toEqual([8, 10])
    expect(await rig.counterOf('claude')).toMatchObject({ settledTokens: 18, reservedTokens: 0 })
    expect(rig.bugs).toEqual([])
  })

  it('reads the budget message when its stream is cut and in every later call, without a retry (E01, E02, E12)', async () => {
    const { provider, rig } = await inBottle({ claude: 1_000 })
    const cut = await failureOf(anthropic().messages.stream(prompt).finalMessage())
    expect(cut.message).toMatch(/bot-bottle: budget spent \(run rig-1\): [\d,]+ of 1,000 claude tokens used/)
    expect(provider.served).toHaveLength(1)
    for (const call of [
      () => anthropic().messages.create(prompt),
      () => anthropic().messages.stream(prompt).finalMessage(),
      () => anthropic().messages.countTokens({ model: prompt.model, messages: prompt.messages }),
    ]) {
      const refused = await failureOf(call())
      expect(refused.status).toBe(402)
      expect(refused.message).toContain('bot-bottle: budget spent (run rig-1)')
    }
    expect(provider.served).toHaveLength(1)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ ending: 'cut', source: 'partial' }])
    expect(rig.settlements[0]?.chargeTokens).toBeGreaterThanOrEqual(1_000)
    expect(rig.bugs).toEqual([])
  })

  it('reads the refusal of a cut bottle also with a transcript of megabytes still on its way (E02)', async () => {
    const { provider, rig } = await inBottle({ claude: 10_000_000 })
    await rig.proxy.cut(operatorCutMessage)
    const messages = [{ role: 'user' as const, content: 'x'.repeat(4 * 1024 * 1024) }]
    for (let call = 0; call < 10; call += 1) {
      const refused = await failureOf(anthropic(0).messages.create({ ...prompt, messages }))
      expect(`${refused.status} ${refused.message}`).toContain(`402`)
      expect(refused.message).toContain(operatorCutMessage)
    }
    expect(provider.connectionCount).toBe(0)
  })
})

describe('the OpenAI SDK in a bottle', () => {
  it('streams and reads documents; what the ledger has is what the provider reported (M11, C01)', async () => {
    const { provider, rig } = await inBottle({ codex: 1_000_000 })
    const last = await lastEventOf(await openai().responses.create({ ...question, stream: true }))
    const whole = await openai().responses.create(question)
    expect(last?.type).toBe('response.completed')
    await rig.settled(2)
    expect(rig.settlements).toMatchObject([
      { source: 'authoritative', chargeTokens: whole.usage?.total_tokens },
      { source: 'authoritative', chargeTokens: whole.usage?.total_tokens },
    ])
    for (const { credentials } of provider.served) {
      expect(Object.values(credentials)).toEqual(['Bearer real-codex-key'])
    }
  })

  it('reads the budget message when its stream is cut and in every later call, without a retry (E01, E02, E12)', async () => {
    const { provider, rig } = await inBottle({ codex: 1_000 })
    const last = await lastEventOf(await openai().responses.create({ ...question, stream: true }))
    expect(last).toMatchObject({
      type: 'response.failed',
      response: { error: { code: 'invalid_prompt', message: expect.stringContaining('of 1,000 codex tokens used') } },
    })
    expect(provider.served).toHaveLength(1)
    for (const call of [
      () => openai().responses.create(question),
      () => openai().responses.create({ ...question, stream: true }),
      () => openai().models.list(),
    ]) {
      const refused = await failureOf(call())
      expect(refused.status).toBe(400)
      expect(refused.message).toContain('bot-bottle: budget spent (run rig-1)')
    }
    expect(provider.served).toHaveLength(1)
    expect(rig.bugs).toEqual([])
  })

  it('is refused by name for the provider that the bottle does not have, without a retry (C02)', async () => {
    const { provider } = await inBottle({})
    const refused = await failureOf(
      new OpenAI({ apiKey: placeholderCredential, baseURL: 'https://api.other.test/v1' }).responses.create(question),
    )
    expect(refused.status).toBe(403)
    expect(refused.message).toContain('no route of this bottle allows the host api.other.test')
    expect(provider.connectionCount).toBe(0)
  })
})
