/** Reads a Responses request: https://platform.openai.com/docs/api-reference/responses/create. */
import { z } from 'zod'
import { type Conversation, MalformedRequest } from './conversation.ts'

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

type Item = z.infer<typeof item>

export function readOpenAIRequest(body: unknown): Conversation {
  const result = requestSchema.safeParse(body)
  if (!result.success) {
    const [issue] = result.error.issues
    throw new MalformedRequest(
      `Invalid value for '${issue?.path.join('.') || 'body'}': ${issue?.message ?? 'invalid'}.`,
    )
  }
  const { model, input, instructions, tools, stream, max_output_tokens, reasoning } = result.data
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : input
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
