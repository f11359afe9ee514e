/**
 * Every official SDK, streaming and not, through the proxy: what its caller is told about usage, what the ledger holds and what
 * the provider says it reported are one number. The three are counted by three programs, of which only one is ours to test.
 */
import { setGlobalProxyFromEnv } from 'node:http'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { embed, generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Usage } from '../../src/core/metering/usage.ts'
import { placeholderCredential } from '../../src/core/provider/provider.ts'
import { type SimulatedProvider, startSimulatedProvider } from '../../src/demo/provider/simulated-provider.ts'
import { leadingTo } from '../fakes/metered-upstream.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'

const trustedBefore = getCACertificates('default')
const stack = new AsyncDisposableStack()
let provider: SimulatedProvider
let rig: ProxyRig

beforeAll(async () => {
  provider = stack.use(await startSimulatedProvider({ outputTokens: 200, reasoningTokens: 30 }))
  rig = stack.use(await openProxyRig(leadingTo(provider)))
  setDefaultCACertificates([...trustedBefore, rig.caCertificate])
  stack.defer(() => setDefaultCACertificates(trustedBefore))
  stack.defer(setGlobalProxyFromEnv({ https_proxy: `http://127.0.0.1:${rig.ports.proxy}` }))
})
afterAll(() => stack.disposeAsync())

/** Input with everything that was cached, and output with reasoning: what every SDK tells, one way or another. */
interface Told {
  readonly input: number
  readonly output: number
}

const apiKey = placeholderCredential
const prompt = `say hi${' and read this line, which does not change'.repeat(150)}`
const messages = [{ role: 'user' as const, content: prompt }]

const anthropic = new Anthropic({ apiKey, maxRetries: 0 })
const claude = { model: 'claude-opus-4-8', max_tokens: 4_000, messages }
const cachedClaude = { ...claude, cache_control: { type: 'ephemeral' as const } }

const openai = new OpenAI({ apiKey, maxRetries: 0 })
const chat = { model: 'gpt-5', messages, reasoning_effort: 'low' as const }
const responses = { model: 'gpt-5', input: prompt, reasoning: { effort: 'low' as const } }
const legacy = { model: 'gpt-3.5-turbo-instruct', prompt, max_tokens: 100 }

const google = new GoogleGenAI({ apiKey })
const gemini = { model: 'gemini-3.8-flash', contents: prompt, config: { thinkingConfig: { thinkingBudget: 100 } } }

const models = {
  'anthropic messages': createAnthropic({ apiKey })('claude-opus-4-8'),
  'openai responses': createOpenAI({ apiKey }).responses('gpt-5'),
  'openai chat': createOpenAI({ apiKey }).chat('gpt-5'),
  gemini: createGoogleGenerativeAI({ apiKey })('gemini-3.8-flash'),
}

function anthropicTold(usage: Anthropic.Usage): Told {
  const cached = (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0)
  return { input: usage.input_tokens + cached, output: usage.output_tokens }
}

function chatTold(usage: OpenAI.CompletionUsage | null | undefined): Told {
  return { input: usage?.prompt_tokens ?? -1, output: usage?.completion_tokens ?? -1 }
}

function responsesTold(usage: OpenAI.Responses.ResponseUsage | null | undefined): Told {
  return { input: usage?.input_tokens ?? -1, output: usage?.output_tokens ?? -1 }
}

interface GeminiUsage {
  readonly promptTokenCount?: number
  readonly candidatesTokenCount?: number
  readonly thoughtsTokenCount?: number
}

function geminiTold(usage: GeminiUsage | undefined): Told {
  const { promptTokenCount = -1, candidatesTokenCount = -1, thoughtsTokenCount = 0 } = usage ?? {}
  return { input: promptTokenCount, output: candidatesTokenCount + thoughtsTokenCount }
}

async function lastOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  let last: Item | undefined
  for await (const item of items) last = item
  return last
}

const calls: Readonly<Record<string, () => Promise<Told>>> = {
  'anthropic messages, whole': async () => anthropicTold((await anthropic.messages.create(claude)).usage),
  'anthropic messages, streamed': async () =>
    anthropicTold((await anthropic.messages.stream(claude).finalMessage()).usage),
  'anthropic messages, written to the cache': async () =>
    anthropicTold((await anthropic.messages.create(cachedClaude)).usage),
  'anthropic messages, read from the cache': async () =>
    anthropicTold((await anthropic.messages.stream(cachedClaude).finalMessage()).usage),
  'openai responses, whole': async () => responsesTold((await openai.responses.create(responses)).usage),
  'openai responses, streamed': async () => {
    const last = await lastOf(await openai.responses.create({ ...responses, stream: true }))
    return responsesTold(last?.type === 'response.completed' ? last.response.usage : undefined)
  },
  'openai chat, whole': async () => chatTold((await openai.chat.completions.create(chat)).usage),
  'openai chat, streamed with usage': async () => {
    const asked = { ...chat, stream: true as const, stream_options: { include_usage: true } }
    return chatTold((await lastOf(await openai.chat.completions.create(asked)))?.usage)
  },
  'openai completions, whole': async () => chatTold((await openai.completions.create(legacy)).usage),
  'openai embeddings': async () => {
    const { usage } = await openai.embeddings.create({ model: 'text-embedding-3-small', input: prompt })
    return { input: usage.prompt_tokens, output: 0 }
  },
  'gemini, whole': async () => geminiTold((await google.models.generateContent(gemini)).usageMetadata),
  'gemini, streamed': async () =>
    geminiTold((await lastOf(await google.models.generateContentStream(gemini)))?.usageMetadata),
  'ai-sdk embeddings': async () => {
    const model = createOpenAI({ apiKey }).embedding('text-embedding-3-small')
    return { input: (await embed({ model, value: prompt })).usage.tokens, output: 0 }
  },
}

for (const [name, model] of Object.entries(models)) {
  const told = ({
    inputTokens = -1,
    outputTokens = -1,
  }: {
    inputTokens?: number | undefined
    outputTokens?: number | undefined
  }) => ({
    input: inputTokens,
    output: outputTokens,
  })
  Object.assign(calls, {
    [`ai-sdk ${name}, whole`]: async () => told((await generateText({ model, prompt, maxRetries: 0 })).usage),
    [`ai-sdk ${name}, streamed`]: async () => told(await streamText({ model, prompt, maxRetries: 0 }).usage),
  })
}

function sumOf({
  inputTokens = 0,
  cacheWrite5mTokens = 0,
  cacheWrite1hTokens = 0,
  cacheReadTokens = 0,
  ...usage
}: Usage): Told {
  return {
    input: inputTokens + cacheWrite5mTokens + cacheWrite1hTokens + cacheReadTokens,
    output: usage.outputTokens ?? 0,
  }
}

describe('what the caller is told is what the ledger holds and the provider reported', () => {
  test.each(Object.entries(calls))('%s', async (_, call) => {
    const before = rig.settlements.length
    const told = await call()
    await rig.settled(before + 1)
    const [event] = await rig.ledger.events({ limit: 1 })
    const served = provider.served.at(-1)
    expect(rig.settlements).toHaveLength(before + 1)
    expect(event).toMatchObject({ source: 'authoritative', ending: 'complete', chargeTokens: told.input + told.output })
    expect(sumOf(event ?? {})).toEqual(told)
    expect(sumOf(served?.reported ?? {})).toEqual(told)
    expect(event?.cacheReadTokens ?? 0).toBe(served?.reported.cacheReadTokens ?? 0)
    expect(event?.reasoningTokens ?? 0).toBe(served?.reported.reasoningTokens ?? 0)
    expect(rig.bugs).toEqual([])
  })
})

test('a chat stream whose caller did not ask is metered all the same, and looks as if nobody had (M09)', async () => {
  const before = rig.settlements.length
  const chunks: OpenAI.ChatCompletionChunk[] = []
  for await (const chunk of await openai.chat.completions.create({ ...chat, stream: true })) chunks.push(chunk)
  await rig.settled(before + 1)
  expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true)
  const [event] = await rig.ledger.events({ limit: 1 })
  const reported = provider.served.at(-1)?.reported
  expect(reported?.outputTokens).toBeGreaterThan(0)
  expect(event).toMatchObject({ source: 'authoritative', outputTokens: reported?.outputTokens })
})
