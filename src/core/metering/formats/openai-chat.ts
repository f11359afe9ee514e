/**
 * OpenAI's chat completions and legacy completions, and the many servers that speak them. A stream reports its usage in a
 * last chunk without choices, if it was asked to (`include-usage.ts` sees to that); some servers repeat it in every chunk,
 * and the last value counts. `[DONE]` ends it. Without streaming the body is one completion.
 * https://platform.openai.com/docs/api-reference/chat-streaming
 */
import type { WireFormat } from '../format.ts'
import { includeUsageEdit } from '../include-usage.ts'
import { compileJsonPaths } from '../json-paths.ts'
import { type ToolPlace, urlSource } from '../provider-tools.ts'
import { compileRequestShape, readRequest } from '../request-reading.ts'
import { createResponseMeter, type DocumentShape, type Found, type ResponseShapes } from '../response-meter.ts'
import { noteModel, reject, type Tally } from '../tally.ts'
import { applyUsage, completionsWords } from './openai-usage.ts'

const webSearch = 'web_search'
const request = compileRequestShape({
  maxOutput: ['max_completion_tokens', 'max_tokens'],
  answerCount: ['n', 'best_of'],
  prompts: 'prompt[]',
  tools: [
    { at: 'tools[].type', harmless: ['function', 'custom'] },
    { at: 'web_search_options', harmless: [], name: webSearch },
    // Of servers that speak this format: xAI, OpenRouter.
    { at: 'search_parameters', harmless: [], name: webSearch },
    { at: 'plugins[]{}', harmless: [], name: 'plugins' },
    ...['image_url', 'video_url', 'audio_url'].flatMap((part): ToolPlace[] => [
      { at: `messages[].content[].${part}.url`, harmless: ['data:*'], name: urlSource },
      // Some servers take it without its object.
      { at: `messages[].content[].${part}`, harmless: ['data:*'], name: urlSource },
    ]),
  ],
})
/** They search whatever the request says; the last at OpenRouter. */
const searchModel = /-search-(?:preview|api)|:online$/

const texts = ['content', 'reasoning_content', 'reasoning', 'refusal', 'function_call.arguments']
const textPaths = (part: 'delta' | 'message') => [
  'choices[].text',
  ...texts.map((path) => `choices[].${part}.${path}`),
  `choices[].${part}.tool_calls[].function.arguments`,
  `choices[].${part}.tool_calls[].custom.input`,
]

const event: DocumentShape = {
  paths: compileJsonPaths({
    capture: ['model', 'usage', 'choices[].index', 'choices[].finish_reason', 'error'],
    measure: textPaths('delta'),
  }),
  createReader: (tally) => {
    let hasCounts = false
    let isFinished = false
    return (found) => {
      if (tally.model === undefined) noteModel(tally, found.value('model'))
      if (hasError(found)) tally.phase = 'failed'
      const isReported = hasUsage(found)
      if (isReported) hasCounts = readUsage(tally, found)
      if (!found.isWhole) return
      // The choices are over once one says why, or in a chunk of usage that has none.
      if (found.value('choices[].finish_reason') !== undefined) isFinished = true
      if (isReported && found.value('choices[].index') === undefined) isFinished = true
      // Of all events only `[DONE]` is no object.
      const isDone = !found.isObject
      if (isDone && tally.phase === 'open') tally.phase = 'complete'
      if (isReported || isDone) tally.isFinal = hasCounts && (isFinished || isDone)
    }
  },
}

const document: DocumentShape = {
  paths: compileJsonPaths({
    capture: ['model', 'usage', 'error'],
    measure: textPaths('message'),
  }),
  createReader: (tally) => (found) => {
    noteModel(tally, found.value('model'))
    if (hasUsage(found)) tally.isFinal = readUsage(tally, found)
    if (hasError(found)) tally.phase = 'failed'
    else if (found.isWhole) tally.phase = 'complete'
  },
}

function hasUsage(found: Found): boolean {
  return found.value('usage') !== undefined || found.isUnreadable('usage')
}

function hasError(found: Found): boolean {
  return found.value('error') !== undefined || found.isUnreadable('error')
}

function readUsage(tally: Tally, found: Found): boolean {
  if (found.isUnreadable('usage')) {
    reject(tally, 'usage', 'unreadable')
    return false
  }
  const context = { words: completionsWords, observedOutputTokens: found.observedOutputTokens }
  return applyUsage(tally, found.value('usage'), context)
}

const shapes: ResponseShapes = { event, document }

export const openaiChat: WireFormat = {
  name: 'openai-chat',
  readRequest(chunks) {
    const reading = readRequest(request, chunks)
    if (!reading) return undefined
    const edit = reading.stream ? includeUsageEdit(chunks) : undefined
    if (edit === 'unreadable') return undefined
    const tools = searchModel.test(reading.model ?? '') ? [webSearch] : []
    return {
      ...reading,
      providerTools: [...new Set([...reading.providerTools, ...tools])],
      ...(edit && { edit }),
    }
  },
  createMeter: (kind) => createResponseMeter(shapes, kind),
}
