/** Chat completions, legacy completions and embeddings of api.openai.com. */
import { z } from 'zod'
import { composeAnswer } from './answer.ts'
import { type Call, readJson, sendJson, sendStream, sendWhole } from './call.ts'
import { type ChatKind, chatBody, chatEvents } from './chat-events.ts'
import { readChatRequest, readLegacyRequest } from './chat-request.ts'
import { MalformedRequest } from './conversation.ts'
import { openAIError, sendOpenAIError, startAnswer } from './openai.ts'
import { openAIUsage } from './openai-object.ts'
import type { Simulation } from './simulation.ts'
import { countTokens } from './tokens.ts'

export async function serveChat(call: Call, simulation: Simulation, kind: ChatKind): Promise<void> {
  const body = await readJson(call)
  const request = kind === 'legacy' ? readLegacyRequest(body) : readChatRequest(body)
  const { entry, failure } = call
  entry.model = request.model
  entry.stream = request.stream
  if (failure?.kind === 'http') return sendOpenAIError(call, failure.status, 'Simulated failure')
  const answer = composeAnswer(request, simulation.answers)
  const { response, pieces, inputUsage } = startAnswer(request, call, { simulation, answer })
  if (!request.stream) {
    return sendWhole(call, chatBody(response, kind), { pieces, inputUsage, reported: openAIUsage(response) })
  }
  const errorEvent = () => ({ name: '', payload: openAIError(500, 'The server had an error.', 'server_error') })
  await sendStream(call, chatEvents(response, pieces, { kind, wantsUsage: request.wantsUsage }), {
    inputUsage,
    errorEvent,
  })
}

const embeddingsSchema = z.looseObject({ model: z.string(), input: z.union([z.string(), z.array(z.string()).min(1)]) })
const dimensions = 8

/** https://platform.openai.com/docs/api-reference/embeddings/create. The vectors are all the same. */
export async function serveEmbeddings(call: Call): Promise<void> {
  const parsed = embeddingsSchema.safeParse(await readJson(call))
  if (!parsed.success) throw new MalformedRequest("Invalid value for 'input'.")
  const { model, input } = parsed.data
  const texts = typeof input === 'string' ? [input] : input
  const tokens = texts.reduce((total, text) => total + countTokens(text), 0)
  call.entry.model = model
  call.entry.billed = { inputTokens: tokens }
  call.entry.reported = { inputTokens: tokens }
  const embedding = Array.from({ length: dimensions }, () => 0.5)
  sendJson(call, 200, {
    object: 'list',
    data: texts.map((_, index) => ({ object: 'embedding', index, embedding })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  })
}
