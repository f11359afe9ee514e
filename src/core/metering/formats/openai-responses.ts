/**
 * OpenAI's Responses API: usage comes once, inside the terminal event (`response.completed`, `response.incomplete`,
 * `response.failed`); `error` may come before or instead of it. Without streaming the body is the response object.
 * https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { WireFormat } from '../format.ts'
import { compileJsonPaths } from '../json-paths.ts'
import { compileRequestShape, readRequest } from '../request-reading.ts'
import { createResponseMeter, type DocumentShape, type Found, type ResponseShapes } from '../response-meter.ts'
import { noteModel, reject, type Tally } from '../tally.ts'
import { applyUsage } from './openai-usage.ts'

const request = compileRequestShape('max_output_tokens')

const phaseOfTerminal: Readonly<Record<string, Tally['phase']>> = {
  'response.completed': 'complete',
  'response.incomplete': 'complete',
  'response.failed': 'failed',
  'response.cancelled': 'failed',
  error: 'failed',
}

const event: DocumentShape = {
  paths: compileJsonPaths({ capture: ['type', 'response.model', 'response.usage'], measure: ['delta'] }),
  createReader: (tally) => (found) => {
    noteModel(tally, found.value('response.model'))
    const hasCounts = readUsage(tally, found, 'response.usage')
    const type = found.value('type') ?? found.eventName
    const phase = typeof type === 'string' && Object.hasOwn(phaseOfTerminal, type) ? phaseOfTerminal[type] : undefined
    if (phase === undefined) return
    if (hasCounts) tally.isFinal = true
    if (found.isWhole) tally.phase = phase
  },
}

const document: DocumentShape = {
  paths: compileJsonPaths({
    capture: ['model', 'status', 'usage', 'error.type', 'error.code'],
    measure: ['output[].content[].text', 'output[].summary[].text', 'output[].arguments', 'output[].input'],
  }),
  createReader: (tally) => (found) => {
    noteModel(tally, found.value('model'))
    tally.isFinal = readUsage(tally, found, 'usage')
    const hasError = found.value('error.type') !== undefined || found.value('error.code') !== undefined
    if (hasError || found.value('status') === 'failed') tally.phase = 'failed'
    else if (found.isWhole) tally.phase = 'complete'
  },
}

function readUsage(tally: Tally, found: Found, path: string): boolean {
  if (found.isUnreadable(path)) reject(tally, path, 'unreadable')
  const usage = found.value(path)
  return usage !== undefined && applyUsage(tally, usage, found.observedOutputTokens)
}

const shapes: ResponseShapes = { event, document }

export const openaiResponses: WireFormat = {
  name: 'openai-responses',
  readRequest: (chunks) => readRequest(request, chunks),
  createMeter: (kind) => createResponseMeter(shapes, kind),
}
