/** Reads a Messages request: https://docs.anthropic.com/en/api/messages. What the simulation does not need is let through. */
import { z } from 'zod'
import { type Conversation, MalformedRequest, type PromptSegment, refuseOtherFields } from './conversation.ts'

const cacheControl = z.looseObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }).nullish()
const block = z.looseObject({ type: z.string(), text: z.string().optional(), cache_control: cacheControl })
const content = z.union([z.string(), z.array(block)])

const promptSchema = z.looseObject({
  model: z.string(),
  system: content.optional(),
  messages: z.array(z.looseObject({ role: z.string(), content })).min(1),
  tools: z.array(z.looseObject({ name: z.string().optional(), cache_control: cacheControl })).optional(),
  cache_control: cacheControl,
})
const requestSchema = promptSchema.extend({
  max_tokens: z.int().min(1),
  stream: z.boolean().optional(),
  thinking: z.looseObject({ type: z.string() }).optional(),
})

type Prompt = z.infer<typeof promptSchema>
type Content = z.infer<typeof content>
type CacheControl = z.infer<typeof cacheControl>

export function readAnthropicRequest(body: unknown): Conversation {
  const request = parse(requestSchema, body)
  return {
    model: request.model,
    stream: request.stream ?? false,
    maxOutputTokens: request.max_tokens,
    wantsReasoning: request.thinking !== undefined && request.thinking.type !== 'disabled',
    segments: segmentsOf(request),
    question: questionOf(request),
    offeredTools: new Set((request.tools ?? []).flatMap(({ name }) => name ?? [])),
    turn: request.messages.flatMap((message) => blocksOf(message.content)).filter(isToolResult).length,
  }
}

/** What a `count_tokens` request may have: the prompt, but nothing that is about the answer. */
const countFields = new Set([
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'context_management',
  'mcp_servers',
  'cache_control',
  'compaction',
  'speed',
])

/** The prompt of a `count_tokens` request. */
export function readAnthropicPrompt(body: unknown): readonly PromptSegment[] {
  refuseOtherFields(body, countFields, (field) => `${field}: Extra inputs are not permitted`)
  return segmentsOf(parse(promptSchema, body))
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new MalformedRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`)
}

function segmentsOf({ tools = [], system = [], messages, cache_control }: Prompt): readonly PromptSegment[] {
  const segments = [
    ...tools.map((tool) => segment(tool, tool.cache_control)),
    // The client's own accounting line differs in every request; a provider does not cache by it.
    ...blocksOf(system)
      .filter(({ text }) => !text?.startsWith('x-anthropic-billing-header:'))
      .map((part) => segment(part, part.cache_control)),
    ...messages.flatMap(({ role, content }) =>
      blocksOf(content).map((part) => {
        const { text, ...mark } = segment(part, part.cache_control)
        return { text: `${role}: ${text}`, ...mark }
      }),
    ),
  ]
  const last = segments.at(-1)
  return last === undefined || cache_control == null ? segments : [...segments.slice(0, -1), mark(last, cache_control)]
}

/** The mark is no part of the text: clients move it on as the transcript grows. */
function segment(part: Readonly<Record<string, unknown>>, control: CacheControl): PromptSegment {
  const { cache_control: _, ...rest } = part
  const text = part.type === 'text' && typeof part.text === 'string' ? part.text : JSON.stringify(rest)
  return mark({ text }, control)
}

function mark(segment: PromptSegment, control: CacheControl): PromptSegment {
  return control == null ? segment : { ...segment, cacheFor: control.ttl ?? '5m' }
}

function blocksOf(content: Content): readonly z.infer<typeof block>[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

function isToolResult({ type }: { readonly type: string }): boolean {
  return type === 'tool_result'
}

function questionOf({ messages }: Prompt): string {
  const texts = messages
    .filter(({ role }) => role === 'user')
    .flatMap(({ content }) => blocksOf(content))
    .flatMap(({ text }) => text ?? [])
  return texts.at(-1) ?? ''
}
