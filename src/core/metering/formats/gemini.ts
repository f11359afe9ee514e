/**
 * Google's `generateContent` (one document) and `streamGenerateContent` (events as a stream or as one JSON array). The usage
 * so far comes with every event, the last one counts. No event is the last by itself: the answer is whole when a candidate
 * says why it finished, or the prompt why it was blocked. The request's path names model and method.
 * https://ai.google.dev/api/generate-content
 */
import type { WireFormat } from '../format.ts'
import { compileJsonPaths } from '../json-paths.ts'
import { urlSource } from '../provider-tools.ts'
import { compileRequestShape, readRequest } from '../request-reading.ts'
import { createResponseMeter, type DocumentShape, type Found, type ResponseShapes } from '../response-meter.ts'
import { noteModel, reject, type Tally } from '../tally.ts'
import { createUsageReader } from './gemini-usage.ts'

const harmlessTools = [...spellings('functionDeclarations'), ...spellings('computerUse')]
const fileUris = [
  ...spellings('contents[].parts[].fileData.fileUri'),
  ...spellings('contents[].parts[].functionResponse.parts[].fileData.fileUri'),
  ...spellings('systemInstruction.parts[].fileData.fileUri'),
]
const request = compileRequestShape({
  maxOutput: spellings('generationConfig.maxOutputTokens'),
  answerCount: spellings('generationConfig.candidateCount'),
  tools: [
    ...spellings('tools[]').map((tools) => ({ at: `${tools}{}`, harmless: harmlessTools })),
    // What it holds, tools too, is not seen here.
    ...spellings('cachedContent').map((at) => ({ at, harmless: [], name: 'stored_prompt' })),
    ...fileUris.map((at) => ({ at, harmless: ['https://generativelanguage.googleapis.com/*'], name: urlSource })),
  ],
})

/** Others mask the usage (`fields`), or have the answer in a form that is none of JSON (`alt`, `callback`). */
const meteredQueries = new Set(['', '?', '?alt=sse', '?alt=json'])

const parts = 'candidates[].content.parts[]'
const paths = compileJsonPaths({
  capture: ['modelVersion', 'usageMetadata', 'candidates[].finishReason', 'promptFeedback.blockReason', 'error'],
  measure: [`${parts}.text`, `${parts}.functionCall.args`, `${parts}.executableCode.code`],
})

const event: DocumentShape = {
  paths,
  createReader: (tally) => {
    const read = createEventReader(tally)
    let isFinished = false
    return (found) => {
      const hasCounts = read(found)
      const reasons = [found.value('candidates[].finishReason'), found.value('promptFeedback.blockReason')]
      if (found.isWhole && reasons.some((reason) => reason !== undefined)) isFinished = true
      if (isFinished) finish(tally, hasCounts)
    }
  },
}

const document: DocumentShape = {
  paths,
  createReader: (tally) => {
    const read = createEventReader(tally)
    return (found) => {
      const hasCounts = read(found)
      if (found.isWhole) finish(tally, hasCounts)
    }
  },
}

/** Returns whether the counts that are there by now are enough to charge. */
function createEventReader(tally: Tally): (found: Found) => boolean {
  const applyUsage = createUsageReader(tally)
  let hasCounts = false
  return (found) => {
    noteModel(tally, found.value('modelVersion'))
    const usage = found.value('usageMetadata')
    if (usage !== undefined) hasCounts = applyUsage(usage)
    else if (found.isUnreadable('usageMetadata')) {
      reject(tally, 'usageMetadata', 'unreadable')
      hasCounts = false
    }
    if (found.value('error') !== undefined || found.isUnreadable('error')) tally.phase = 'failed'
    return hasCounts
  }
}

function finish(tally: Tally, hasCounts: boolean): void {
  tally.isFinal = hasCounts
  if (tally.phase === 'open') tally.phase = 'complete'
}

const shapes: ResponseShapes = { event, document }

export const gemini: WireFormat = {
  name: 'gemini',
  readRequest(chunks, target) {
    const reading = readRequest(request, chunks)
    const [path = ''] = target.split('?', 1)
    const query = target.slice(path.length)
    const [, model, method] = /([^/:]+):(\w+)$/.exec(path) ?? []
    const form = meteredQueries.has(query) ? {} : { unmeteredForm: query }
    return reading && { ...reading, model, stream: method === 'streamGenerateContent', ...form }
  },
  createMeter: (kind) => createResponseMeter(shapes, kind),
}

/**
 * Protocol buffers read a name in camelCase and in snake_case, and a list of one also without its brackets: all mixtures of
 * a path.
 */
function spellings(path: string): readonly string[] {
  return path.split('.').reduce<readonly string[]>(
    (paths, step) => {
      const cases = [step, step.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]
      const all = new Set(cases.flatMap((spelled) => [spelled, spelled.replace('[]', '')]))
      return [...all].flatMap((spelled) => paths.map((before) => (before === '' ? spelled : `${before}.${spelled}`)))
    },
    [''],
  )
}
