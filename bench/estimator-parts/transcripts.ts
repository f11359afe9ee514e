/**
 * Conversations of an agent as it sends them, turn by turn, in the request shapes of the wire formats, with the number of
 * tokens that a tokenizer finds in them. A provider's own count cannot be had offline; a public BPE stands in for it: the
 * texts as decoded, the schemas of tools as JSON, a few tokens around each message, images by their pixels.
 */
import { base64, type Corpus, createRandom, type Random, type TextKind } from './corpus.ts'

export type Shape = 'anthropic' | 'responses' | 'chat' | 'gemini'
export type CountText = (text: string) => number

type Item =
  | { readonly kind: 'user' | 'assistant' | 'thinking'; readonly text: string }
  | { readonly kind: 'call' | 'result'; readonly id: string; readonly text: string }
  | { readonly kind: 'image'; readonly base64: string; readonly tokens: number }

interface Tool {
  readonly name: string
  readonly description: string
  readonly schema: object
}

export interface Conversation {
  readonly system: string
  readonly tools: readonly Tool[]
  /** What is in the transcript at each request. */
  readonly turns: readonly (readonly Item[])[]
}

export interface ConversationOptions {
  readonly seed: number
  readonly turns: number
  /** What its texts are about; several make it mixed. */
  readonly kinds: readonly TextKind[]
  readonly systemCharacters: number
  readonly toolCount: number
  /** The share of turns that bring an image. */
  readonly imageShare?: number
}

export interface CountedRequest {
  readonly body: Buffer
  readonly tokens: number
}

const messageTokens = 4
const toolTokens = 9

export function converse(corpus: Corpus, options: ConversationOptions): Conversation {
  const random = createRandom(options.seed)
  const pick = () => options.kinds[Math.floor(random() * options.kinds.length)] ?? 'prose'
  const take = (kind: TextKind, mean: number) => corpus.take(kind, lengthAround(mean, random), random)
  const tools = Array.from({ length: options.toolCount }, (_, index) => toolOf(corpus, index, random))
  const items: Item[] = [{ kind: 'user', text: take(pick(), 400) }]
  const turns: (readonly Item[])[] = []
  for (let turn = 0; turn < options.turns; turn++) {
    turns.push([...items])
    const id = `call_${Math.floor(random() * 2 ** 40).toString(36)}`
    if (random() < 0.5) items.push({ kind: 'thinking', text: take('prose', 300) })
    if (random() < 0.6) items.push({ kind: 'assistant', text: take('prose', 250) })
    items.push({ kind: 'call', id, text: JSON.stringify({ path: `src/part-${turn}.ts`, content: take(pick(), 300) }) })
    items.push({ kind: 'result', id, text: take(pick(), random() < 0.2 ? 8_000 : 1_200) })
    if (random() < (options.imageShare ?? 0)) items.push(imageOf(random))
    if (random() < 0.15) items.push({ kind: 'user', text: take(pick(), 300) })
  }
  return { system: corpus.take('prose', options.systemCharacters, random), tools, turns }
}

/** The requests of a conversation, in order. */
export function requestsOf(conversation: Conversation, shape: Shape, count: CountText): readonly CountedRequest[] {
  const { system, tools, turns } = conversation
  const toolsTokens = tools.reduce((total, tool) => total + tokensOfTool(tool, count), 0)
  const baseTokens = toolsTokens + count(system) + messageTokens
  return turns.map((items, turn) => ({
    body: Buffer.from(JSON.stringify(render[shape]({ system, tools, items, turn }))),
    tokens: items.reduce((total, item) => total + tokensOf(item, count), baseTokens),
  }))
}

function tokensOfTool({ name, description, schema }: Tool, count: CountText): number {
  return count(name) + count(description) + count(JSON.stringify(schema)) + toolTokens
}

function tokensOf(item: Item, count: CountText): number {
  if (item.kind === 'image') return item.tokens + messageTokens
  return count(item.text) + messageTokens + (item.kind === 'call' ? toolTokens : 0)
}

/** Long ones are rare and matter. */
function lengthAround(mean: number, random: Random): number {
  return Math.max(12, Math.floor(-Math.log(1 - random()) * mean))
}

function toolOf(corpus: Corpus, index: number, random: Random): Tool {
  const names = ['path', 'content', 'pattern', 'limit', 'offset', 'command', 'timeout', 'glob', 'query']
  const used = names.filter(() => random() < 0.4)
  return {
    name: `tool_${index}`,
    description: corpus.take('prose', lengthAround(900, random), random),
    schema: {
      type: 'object',
      properties: Object.fromEntries(
        used.map((name) => [name, { type: 'string', description: corpus.take('prose', 80, random) }]),
      ),
      required: used.slice(0, 1),
      additionalProperties: false,
    },
  }
}

/** Pixels decide the tokens; the bytes vary threefold with what is on the picture. */
function imageOf(random: Random): Item {
  const pixels = 100_000 + random() * 1_050_000
  return {
    kind: 'image',
    base64: base64(Math.floor(pixels * (0.1 + random() * 0.2)), random),
    tokens: Math.ceil(pixels / 750),
  }
}

interface Rendered {
  readonly system: string
  readonly tools: readonly Tool[]
  readonly items: readonly Item[]
  readonly turn: number
}

const render: Readonly<Record<Shape, (request: Rendered) => object>> = {
  /** As Claude Code: a mark that changes with every request, cache marks that move on, parts of one turn in one message. */
  anthropic: ({ system, tools, items, turn }) => ({
    model: 'model-a',
    messages: anthropicMessages(items),
    system: [
      {
        type: 'text',
        text: `x-anthropic-billing-header: cc_version=2.1.197; cch=${(turn * 7919 + 65_536).toString(16)};`,
      },
      { type: 'text', text: system, cache_control: { type: 'ephemeral' } },
    ],
    tools: tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema })),
    max_tokens: 64_000,
    stream: true,
  }),
  responses: ({ system, tools, items }) => ({
    model: 'model-r',
    instructions: system,
    input: items.map(responsesItem),
    tools: tools.map(({ name, description, schema }) => ({
      type: 'function',
      name,
      description,
      strict: false,
      parameters: schema,
    })),
    parallel_tool_calls: false,
    store: false,
    stream: true,
    include: ['reasoning.encrypted_content'],
  }),
  chat: ({ system, tools, items }) => ({
    model: 'model-c',
    messages: [{ role: 'system', content: system }, ...items.map(chatMessage)],
    tools: tools.map(({ name, description, schema }) => ({
      type: 'function',
      function: { name, description, parameters: schema },
    })),
    stream: true,
    stream_options: { include_usage: true },
  }),
  gemini: ({ system, tools, items }) => ({
    contents: items.map(geminiContent),
    systemInstruction: { role: 'user', parts: [{ text: system }] },
    tools: [
      {
        functionDeclarations: tools.map(({ name, description, schema }) => ({
          name,
          description,
          parametersJsonSchema: schema,
        })),
      },
    ],
    generationConfig: { temperature: 1, topP: 0.95 },
  }),
}

function anthropicMessages(items: readonly Item[]): readonly object[] {
  const messages: { role: string; content: Record<string, unknown>[] }[] = []
  for (const item of items) {
    const role = item.kind === 'user' || item.kind === 'result' || item.kind === 'image' ? 'user' : 'assistant'
    const last = messages.at(-1)
    if (last?.role === role) last.content.push(anthropicBlock(item))
    else messages.push({ role, content: [anthropicBlock(item)] })
  }
  for (const { content } of messages.filter(({ role }) => role === 'user').slice(-2)) {
    Object.assign(content.at(-1) ?? {}, { cache_control: { type: 'ephemeral' } })
  }
  return messages
}

function anthropicBlock(item: Item): Record<string, unknown> {
  switch (item.kind) {
    case 'user':
    case 'assistant':
      return { type: 'text', text: item.text }
    case 'thinking':
      return { type: 'thinking', thinking: item.text, signature: seal(item.text) }
    case 'call':
      return { type: 'tool_use', id: item.id, name: 'write', input: JSON.parse(item.text) }
    case 'result':
      return { type: 'tool_result', tool_use_id: item.id, content: item.text }
    case 'image':
      return { type: 'image', source: { type: 'base64', media_type: 'image/png', data: item.base64 } }
  }
}

function responsesItem(item: Item): object {
  switch (item.kind) {
    case 'user':
      return { type: 'message', role: 'user', content: [{ type: 'input_text', text: item.text }] }
    case 'assistant':
      return { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: item.text }] }
    case 'thinking':
      return {
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: item.text }],
        encrypted_content: seal(item.text),
      }
    case 'call':
      return { type: 'function_call', call_id: item.id, name: 'write', arguments: item.text }
    case 'result':
      return { type: 'function_call_output', call_id: item.id, output: item.text }
    case 'image':
      return {
        type: 'message',
        role: 'user',
        content: [{ type: 'input_image', image_url: `data:image/png;base64,${item.base64}` }],
      }
  }
}

function chatMessage(item: Item): object {
  switch (item.kind) {
    case 'user':
      return { role: 'user', content: item.text }
    case 'assistant':
    case 'thinking':
      return { role: 'assistant', content: item.text }
    case 'call':
      return {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: item.id, type: 'function', function: { name: 'write', arguments: item.text } }],
      }
    case 'result':
      return { role: 'tool', tool_call_id: item.id, content: item.text }
    case 'image':
      return {
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${item.base64}` } }],
      }
  }
}

function geminiContent(item: Item): object {
  switch (item.kind) {
    case 'user':
      return { role: 'user', parts: [{ text: item.text }] }
    case 'assistant':
      return { role: 'model', parts: [{ text: item.text }] }
    case 'thinking':
      return { role: 'model', parts: [{ text: item.text, thought: true, thoughtSignature: seal(item.text) }] }
    case 'call':
      return { role: 'model', parts: [{ functionCall: { name: 'write', args: JSON.parse(item.text) } }] }
    case 'result':
      return { role: 'user', parts: [{ functionResponse: { name: 'write', response: { output: item.text } } }] }
    case 'image':
      return { role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: item.base64 } }] }
  }
}

/** What a provider puts beside its reasoning so that it is given back unchanged; not billed, and the same each time. */
function seal(text: string): string {
  return base64(200 + (text.length >> 1), createRandom(text.length))
}
