/** Reads a `generateContent` request: https://ai.google.dev/api/generate-content. */
import { z } from 'zod'
import { type Conversation, MalformedRequest } from './conversation.ts'

const part = z.looseObject({ text: z.string().optional(), functionResponse: z.unknown().optional() })
const content = z.looseObject({ role: z.string().optional(), parts: z.array(part) })
const requestSchema = z.looseObject({
  contents: z.array(content).min(1),
  systemInstruction: z.looseObject({ parts: z.array(part) }).nullish(),
  tools: z
    .array(z.looseObject({ functionDeclarations: z.array(z.looseObject({ name: z.string() })).optional() }))
    .nullish(),
  generationConfig: z
    .looseObject({
      maxOutputTokens: z.int().min(1).nullish(),
      thinkingConfig: z
        .looseObject({ thinkingBudget: z.int().nullish(), thinkingLevel: z.string().nullish() })
        .nullish(),
    })
    .nullish(),
})

const countSchema = z.strictObject({
  contents: z.unknown().optional(),
  generateContentRequest: z.looseObject({ model: z.string() }).optional(),
})

/** A `countTokens` request has contents alone, or a whole request that names its model. */
export function readGeminiCount(body: unknown): unknown {
  const result = countSchema.safeParse(body)
  if (result.success) return result.data.generateContentRequest ?? result.data
  throw new MalformedRequest(`Invalid JSON payload received: ${result.error.issues[0]?.message ?? 'invalid'}.`)
}

export interface GeminiCall {
  readonly model: string
  readonly stream: boolean
}

export function readGeminiRequest(body: unknown, { model, stream }: GeminiCall): Conversation {
  const result = requestSchema.safeParse(body)
  if (!result.success) {
    const [issue] = result.error.issues
    throw new MalformedRequest(`Invalid value at '${issue?.path.join('.') || 'body'}': ${issue?.message ?? 'invalid'}.`)
  }
  const { contents, systemInstruction, generationConfig } = result.data
  const tools = result.data.tools ?? []
  const thinking = generationConfig?.thinkingConfig
  return {
    model,
    stream,
    maxOutputTokens: generationConfig?.maxOutputTokens ?? undefined,
    wantsReasoning: thinking != null && thinking.thinkingBudget !== 0,
    segments: [...tools, ...(systemInstruction ? [systemInstruction] : []), ...contents].map((value) => ({
      text: JSON.stringify(value),
    })),
    question:
      contents
        .findLast(({ role }) => role !== 'model')
        ?.parts.flatMap(({ text }) => text ?? [])
        .at(-1) ?? '',
    offeredTools: new Set(
      tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations.map(({ name }) => name)),
    ),
    turn: contents.flatMap(({ parts }) => parts).filter(({ functionResponse }) => functionResponse !== undefined)
      .length,
  }
}
