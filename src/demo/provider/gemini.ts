/** The endpoints of generativelanguage.googleapis.com: `:generateContent`, `:streamGenerateContent`, `:countTokens`, models. */
import type { Usage } from '../../core/metering/usage.ts'
import { type Answer, composeAnswer } from './answer.ts'
import { beginServing, type Call, countSent, readJson, sendJson, sendStream, sendWhole } from './call.ts'
import { readGeminiCount, readGeminiRequest } from './gemini-request.ts'
import type { Piece } from './generate.ts'
import type { Fields } from './openai-object.ts'
import { countInput, type InputTokens } from './prompt-cache.ts'
import { credentialOf, piecesOf, type Simulation } from './simulation.ts'
import { type StreamEvent, sendArray } from './stream-event.ts'

const modelCall = /^\/v1(?:beta|alpha)?\/models\/([^/:]+):(generateContent|streamGenerateContent|countTokens)$/

export function isGemini({ url }: Call): boolean {
  return modelCall.test(url.pathname) || /^\/v1beta\/models\b/.test(url.pathname)
}

export async function serveGemini(call: Call, simulation: Simulation): Promise<void> {
  const { request, url } = call
  const [, model = '', action] = modelCall.exec(url.pathname) ?? []
  if (request.method === 'GET') return sendJson(call, 200, { models: [{ name: 'models/gemini-3.8-flash' }] })
  if (action === undefined || request.method !== 'POST') {
    request.resume()
    return sendGeminiError(call, 404, 'Not found.')
  }
  if (action === 'countTokens') return serveCountTokens(call, model)
  return serveContent(call, simulation, { model, isStream: action === 'streamGenerateContent' })
}

export function sendGeminiError(call: Call, status: number, message: string): void {
  sendJson(call, status, geminiError(status, message))
}

interface Content {
  readonly id: string
  readonly model: string
  readonly input: InputTokens
  readonly answer: Answer
}

async function serveContent(
  call: Call,
  simulation: Simulation,
  { model, isStream }: { readonly model: string; readonly isStream: boolean },
): Promise<void> {
  const conversation = readGeminiRequest(await readJson(call), { model, stream: isStream })
  const { entry, failure, url, signal } = call
  entry.model = model
  entry.stream = isStream
  if (failure?.kind === 'http') return sendGeminiError(call, failure.status, 'Simulated failure')
  const answer = composeAnswer(conversation, simulation.answers)
  const input = simulation.cache.readAutomatic(`${credentialOf(call)} ${model}`, conversation.segments)
  const content: Content = { id: entry.id, model, input, answer }
  const pieces = piecesOf(answer, simulation, call)
  const inputUsage = { inputTokens: input.uncachedTokens, cacheReadTokens: input.cacheReadTokens }
  if (!isStream) {
    const parts = partsOf(answer)
    return sendWhole(call, body(content, parts, 'STOP'), { pieces, inputUsage, reported: usageOf(content) })
  }
  const errorEvent = () => ({ name: '', payload: geminiError(500, 'Internal error.') })
  const events = contentEvents(content, pieces)
  if (url.searchParams.get('alt') === 'sse') return sendStream(call, events, { inputUsage, errorEvent })
  const served = beginServing(call, events, { inputUsage, errorEvent })
  await sendArray(call.response, served, { onSent: (event) => countSent(entry, event) }, signal)
}

/** Every chunk reports the usage so far, as the real API does. */
async function* contentEvents(content: Content, pieces: AsyncIterable<Piece>): AsyncGenerator<StreamEvent> {
  const sent = { reasoning: 0, text: 0, tool: 0 }
  const { toolCall, stop } = content.answer
  for await (const { kind, text, tokens } of pieces) {
    sent[kind] += tokens
    // A call comes whole, in its last chunk.
    const parts = kind === 'text' ? [{ text }] : kind === 'reasoning' ? [{ text, thought: true }] : []
    const reports = usageSoFar(content, sent)
    yield { name: '', payload: body(content, parts, undefined, reports), outputTokens: tokens, reports }
  }
  const parts = toolCall === undefined ? [{ text: '' }] : [callPart(toolCall.call)]
  const reports = usageOf(content)
  yield { name: '', payload: body(content, parts, stop === 'limit' ? 'MAX_TOKENS' : 'STOP', reports), reports }
}

function body(
  { id, model, ...content }: Content,
  parts: readonly Fields[],
  finishReason: string | undefined,
  usage: Usage = usageOf({ id, model, ...content }),
): Fields {
  const { inputTokens = 0, cacheReadTokens = 0, outputTokens = 0, reasoningTokens = 0 } = usage
  const promptTokenCount = inputTokens + cacheReadTokens
  return {
    candidates: [{ content: { parts, role: 'model' }, index: 0, ...(finishReason && { finishReason }) }],
    usageMetadata: {
      promptTokenCount,
      candidatesTokenCount: outputTokens - reasoningTokens,
      totalTokenCount: promptTokenCount + outputTokens,
      ...(cacheReadTokens > 0 && { cachedContentTokenCount: cacheReadTokens }),
      ...(reasoningTokens > 0 && { thoughtsTokenCount: reasoningTokens }),
    },
    modelVersion: model,
    responseId: id,
  }
}

function partsOf({ text, toolCall }: Answer): readonly Fields[] {
  return [...(text.length > 0 ? [{ text: text.join('') }] : []), ...(toolCall ? [callPart(toolCall.call)] : [])]
}

function callPart({ name, input }: { readonly name: string; readonly input: unknown }): Fields {
  return { functionCall: { name, args: input } }
}

function usageOf(content: Content): Usage {
  const { reasoning, text, toolCall } = content.answer
  return usageSoFar(content, { reasoning: reasoning.length, text: text.length, tool: toolCall?.input.length ?? 0 })
}

function usageSoFar({ input }: Content, sent: Readonly<Record<Piece['kind'], number>>): Usage {
  return {
    inputTokens: input.uncachedTokens,
    cacheReadTokens: input.cacheReadTokens,
    outputTokens: sent.reasoning + sent.text + sent.tool,
    reasoningTokens: sent.reasoning,
  }
}

async function serveCountTokens(call: Call, model: string): Promise<void> {
  const { segments } = readGeminiRequest(readGeminiCount(await readJson(call)), { model, stream: false })
  sendJson(call, 200, { totalTokens: countInput(segments) })
}

const statusNames: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
}

function geminiError(code: number, message: string): Fields {
  return { error: { code, message, status: statusNames[code] ?? 'INTERNAL' } }
}
