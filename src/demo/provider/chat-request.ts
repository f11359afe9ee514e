/** Reads chat completions and their legacy form: https://platform.openai.com/docs/api-reference/chat/create. */
import { z } from 'zod'
import { type Conversation, MalformedRequest } from './conversation.ts'

const part = z.looseObject({ text: z.string().optional() })
const message = z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(part)]).nullish() })
const common = {
  model: z.string(),
  stream: z.boolean().nullish(),
  max_tokens: z.int().min(1).nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
}
const chatSchema = z.looseObject({
  ...common,
  messages: z.array(message).min(1),
  max_completion_tokens: z.int().min(1).nullish(),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })).nullish(),
  reasoning_effort: z.string().nullish(),
})
const legacySchema = z.looseObject({ ...common, prompt: z.union([z.string(), z.array(z.string()).min(1)]) })

export interface ChatRequest extends Conversation {
  /** Asks for one more chunk, with the usage. */
  readonly wantsUsage: boolean
}

export function readChatRequest(body: unknown): ChatRequest {
  const request = parsed(chatSchema, body)
  const { messages, reasoning_effort } = request
  const tools = request.tools ?? []
  return {
    ...commonOf(request),
    maxOutputTokens: request.max_completion_tokens ?? request.max_tokens ?? undefined,
    wantsReasoning: reasoning_effort != null && reasoning_effort !== 'none',
    segments: [...tools, ...messages].map((value) => ({ text: JSON.stringify(value) })),
    question: textOf(messages.findLast(({ role }) => role === 'user')?.content),
    offeredTools: new Set(tools.flatMap((tool) => tool.function?.name ?? [])),
    turn: messages.filter(({ role }) => role === 'tool').length,
  }
}

export function readLegacyRequest(body: unknown): ChatRequest {
  const request = parsed(legacySchema, body)
  const prompts = typeof request.prompt === 'string' ? [request.prompt] : request.prompt
  return {
    ...commonOf(request),
    // What the real API takes where nothing is said.
    maxOutputTokens: request.max_tokens ?? 16,
    wantsReasoning: false,
    segments: prompts.map((text) => ({ text })),
    question: prompts.at(-1) ?? '',
    offeredTools: new Set(),
    turn: 0,
  }
}

function commonOf({ model, stream, stream_options }: z.infer<typeof chatSchema> | z.infer<typeof legacySchema>) {
  return { model, stream: stream ?? false, wantsUsage: stream_options?.include_usage ?? false }
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new MalformedRequest(`Invalid value for '${issue?.path.join('.') || 'body'}': ${issue?.message ?? 'invalid'}.`)
}

function textOf(content: z.infer<typeof message>['content']): string {
  if (content == null || typeof content === 'string') return content ?? ''
  return content.flatMap(({ text }) => text ?? []).at(-1) ?? ''
}
