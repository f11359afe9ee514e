/**
 * OpenAI's embeddings: one document, billed by its input alone.
 * https://platform.openai.com/docs/api-reference/embeddings
 */
import type { WireFormat } from '../format.ts'
import { compileJsonPaths } from '../json-paths.ts'
import { compileRequestShape, readRequest } from '../request-reading.ts'
import { createResponseMeter, type DocumentShape } from '../response-meter.ts'
import { asRecord, noteModel, reject } from '../tally.ts'
import { applyUsage, completionsWords } from './openai-usage.ts'

const request = compileRequestShape({ maxOutput: [], tools: [] })

const document: DocumentShape = {
  paths: compileJsonPaths({ capture: ['model', 'usage', 'error'] }),
  createReader: (tally) => (found) => {
    noteModel(tally, found.value('model'))
    if (found.isUnreadable('usage')) reject(tally, 'usage', 'unreadable')
    const usage = asRecord(found.value('usage'))
    const context = { words: completionsWords, observedOutputTokens: 0 }
    if (usage) tally.isFinal = applyUsage(tally, { ...usage, completion_tokens: 0 }, context)
    if (found.value('error') !== undefined) tally.phase = 'failed'
    else if (found.isWhole) tally.phase = 'complete'
  },
}

export const openaiEmbeddings: WireFormat = {
  name: 'openai-embeddings',
  readRequest(chunks) {
    const reading = readRequest(request, chunks)
    return reading && { ...reading, maxOutputTokens: 0 }
  },
  createMeter: (kind) => createResponseMeter({ event: document, document }, kind),
}
