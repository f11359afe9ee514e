/**
 * OpenAI's Responses API: usage comes once, inside the terminal event (`response.completed`, `response.incomplete`,
 * `response.failed`); `error` may come before or instead of it. Over a WebSocket the same events come as messages. Without
 * streaming, and from `/v1/responses/compact`, the body is the response object.
 * https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { WireFormat } from '../format.ts'
import { compileJsonPaths } from '../json-paths.ts'
import { type ToolPlace, urlSource } from '../provider-tools.ts'
import { compileRequestShape, readRequest } from '../request-reading.ts'
import { createResponseMeter, type DocumentShape, type Found, type ResponseShapes } from '../response-meter.ts'
import { noteModel, reject, type Tally } from '../tally.ts'
import { addUsage, applyUsage, responsesWords } from './openai-usage.ts'

const harmlessTools = [
  'function',
  'custom',
  'local_shell',
  'apply_patch',
  'computer',
  'computer_use_preview',
  'tool_search',
]
const toolsAt = (list: string): readonly ToolPlace[] => [
  { at: `${list}.type`, harmless: [...harmlessTools, 'namespace', 'shell'] },
  { at: `${list}.tools[].type`, harmless: harmlessTools },
  { at: `${list}.environment.type`, harmless: ['local'], name: 'hosted_shell' },
]

const request = compileRequestShape({
  maxOutput: ['max_output_tokens'],
  tools: [
    ...toolsAt('tools[]'),
    // Codex sends its tools as an item of the input.
    ...toolsAt('input[].tools[]'),
    // What a stored prompt asks for is not seen here.
    { at: 'prompt', harmless: [], name: 'stored_prompt' },
    // Nor what a stored conversation adds to the input.
    { at: 'conversation', harmless: [], name: 'conversation' },
    { at: 'conversation{}', harmless: [], name: 'conversation' },
    ...['input[].content[]', 'input[].output[]', 'input[].output'].flatMap((part): ToolPlace[] => [
      { at: `${part}.image_url`, harmless: ['data:*'], name: urlSource },
      { at: `${part}.file_url`, harmless: ['data:*'], name: urlSource },
    ]),
  ],
})

const phaseOfTerminal: Readonly<Record<string, Tally['phase']>> = {
  'response.completed': 'complete',
  'response.incomplete': 'complete',
  'response.failed': 'failed',
  'response.cancelled': 'failed',
  error: 'failed',
}

/** Whether no event of a response follows one of this type. */
export function isTerminalType(type: unknown): type is string {
  return typeof type === 'string' && Object.hasOwn(phaseOfTerminal, type)
}

const event: DocumentShape = {
  paths: compileJsonPaths({
    capture: ['type', 'response.id', 'response.model', 'response.usage', 'response.tool_usage.image_gen'],
    measure: ['delta'],
    seal: ['item.encrypted_content'],
  }),
  createReader: (tally) => (found) => {
    noteModel(tally, found.value('response.model'))
    noteId(tally, found.value('response.id'))
    const hasCounts = readUsage(tally, found, 'response.')
    const type = found.value('type') ?? found.eventName
    const phase = isTerminalType(type) ? phaseOfTerminal[type] : undefined
    if (phase === undefined || !found.isWhole) return
    if (hasCounts) tally.isFinal = true
    tally.phase = phase
  },
}

const document: DocumentShape = {
  paths: compileJsonPaths({
    capture: ['id', 'model', 'status', 'usage', 'tool_usage.image_gen', 'error.type', 'error.code'],
    measure: ['output[].content[].text', 'output[].summary[].text', 'output[].arguments', 'output[].input'],
    seal: ['output[].encrypted_content'],
  }),
  createReader: (tally) => (found) => {
    noteModel(tally, found.value('model'))
    noteId(tally, found.value('id'))
    tally.isFinal = readUsage(tally, found, '') && found.isWhole
    const hasError = found.value('error.type') !== undefined || found.value('error.code') !== undefined
    if (hasError || found.value('status') === 'failed') tally.phase = 'failed'
    else if (found.isWhole) tally.phase = 'complete'
  },
}

function noteId(tally: Tally, id: unknown): void {
  if (typeof id === 'string') tally.responseId ??= id
}

function readUsage(tally: Tally, found: Found, prefix: '' | 'response.'): boolean {
  const paths = [`${prefix}usage`, `${prefix}tool_usage.image_gen`] as const
  for (const path of paths) if (found.isUnreadable(path)) reject(tally, path, 'unreadable')
  const [usage, imageUsage] = paths.map((path) => found.value(path))
  if (usage === undefined) return false
  const context = { words: responsesWords, observedOutputTokens: found.observedOutputTokens }
  const isEnough = applyUsage(tally, usage, context)
  return imageUsage === undefined ? isEnough : addUsage(tally, imageUsage, context) && isEnough
}

const shapes: ResponseShapes = { event, document }

export const openaiResponses: WireFormat = {
  name: 'openai-responses',
  readRequest: (chunks) => readRequest(request, chunks),
  createMeter: (kind) => createResponseMeter(shapes, kind),
}
