/** Reads a Responses request: https://platform.openai.com/docs/api-reference/responses/create. */
import { z } from 'zod'
import { type Conversation, MalformedRequest, type PromptSegment, refuseOtherFields } from './conversation.ts'

const part = z.looseObject({ text: z.string().optional() })
const item = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: z.union([z.string(), z.array(part)]).nullish(),
  tools: z.array(z.unknown()).optional(),
})
const requestSchema = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(item).min(1)]),
  instructions: z.string().nullish(),
  tools: z.array(z.unknown()).nullish(),
  stream: z.boolean().nullish(),
  max_output_tokens: z.int().min(16).nullish(),
  reasoning: z.looseObject({ effort: z.string().nullish() }).nullish(),
})

/** What a message of a WebSocket has besides. */
const messageSchema = z.looseObject({
  type: z.literal('response.create'),
  /** False asks for everything but an answer. */
  generate: z.boolean().nullish(),
  previous_response_id: z.string().nullish(),
  input: z.union([z.string(), z.array(item)]).nullish(),
})

type Item = z.infer<typeof item>

export interface CreateMessage {
  readonly fields: Readonly<Record<string, unknown>>
  readonly items: readonly unknown[]
  readonly previousResponseId: string | undefined
  readonly isGenerating: boolean
}

/** The envelope of a message; `readOpenAIRequest` reads the rest once it is known what came before it. */
export function readCreateMessage(message: unknown): CreateMessage {
  const { input, generate, previous_response_id, ...fields } = parsed(messageSchema, message)
  return {
    fields,
    items: itemsOf(input ?? []),
    previousResponseId: previous_response_id ?? undefined,
    isGenerating: generate !== false,
  }
}

/** What a request for the number of input tokens may have. */
const countFields = new Set([
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'previous_response_id',
  'conversation',
  'personality',
  'reasoning',
  'text',
  'truncation',
])

export function readOpenAICount(body: unknown): readonly PromptSegment[] {
  refuseOtherFields(body, countFields, (field) => `Unknown parameter: '${field}'.`)
  return readOpenAIRequest(body).segments
}

export function readOpenAIRequest(body: unknown): Conversation {
  const { model, input, instructions, tools, stream, max_output_tokens, reasoning } = parsed(requestSchema, body)
  const items = itemsOf(input)
  return {
    model,
    stream: stream ?? false,
    maxOutputTokens: max_output_tokens ?? undefined,
    wantsReasoning: reasoning != null && reasoning.effort !== 'none',
    segments: [...(tools ?? []), ...(instructions ? [instructions] : []), ...items].map((value) => ({
      text: typeof value === 'string' ? value : JSON.stringify(value),
    })),
    question: questionOf(items),
    offeredTools: new Set([...toolNames(tools ?? []), ...items.flatMap(({ tools }: Item) => toolNames(tools ?? []))]),
    turn: items.filter(({ type }: Item) => type?.endsWith('_call_output')).length,
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new MalformedRequest(`Invalid value for '${issue?.path.join('.') || 'body'}': ${issue?.message ?? 'invalid'}.`)
}

function itemsOf(input: string | readonly Item[]): readonly Item[] {
  return typeof input === 'string' ? [{ role: 'user', content: input }] : input
}

const toolSchema = z.looseObject({ name: z.string().optional(), tools: z.array(z.unknown()).optional() })

/** Tools may be grouped in namespaces; each is called by its own name. */
function toolNames(tools: readonly unknown[]): readonly string[] {
  return tools.flatMap((value) => {
    const tool = toolSchema.safeParse(value).data
    if (tool === undefined) return []
    return tool.tools === undefined ? (tool.name ?? []) : toolNames(tool.tools)
  })
}

function questionOf(items: readonly Item[]): string {
  const content = items.findLast(({ role }) => role === 'user')?.content
  if (content == null || typeof content === 'string') return content ?? ''
  return content.flatMap(({ text }) => text ?? []).at(-1) ?? ''
}
