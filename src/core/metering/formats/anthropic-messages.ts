/**
 * Anthropic's Messages API: `message_start` reports the prompt, `message_delta` the cumulative counts, `message_stop`
 * ends; `error` may come at any time. Without streaming the body is one message object.
 * https://docs.anthropic.com/en/api/messages-streaming
 */
import type { WireFormat } from '../format.ts'
import { compileJsonPaths } from '../json-paths.ts'
import { urlSource } from '../provider-tools.ts'
import { compileRequestShape, readRequest } from '../request-reading.ts'
import { createResponseMeter, type DocumentShape, type ResponseShapes } from '../response-meter.ts'
import { noteModel, reject } from '../tally.ts'
import { applyUsage, isPlaceholder } from './anthropic-usage.ts'

/** Tools of the client, and the search in the request's own tools; those of the provider are dated too. */
const harmlessTools = [
  'custom',
  'bash_20*',
  'text_editor_20*',
  'computer_20*',
  'computer_toolset_20*',
  'browser_toolset_20*',
  'memory_20*',
  'tool_search_tool_*',
]
/** Blocks of a message, of a tool's result, and of a document that is made of blocks. */
const contents = ['messages[].content[]', 'messages[].content[].content[]'].flatMap((at) => [
  at,
  `${at}.source.content[]`,
])
const harmlessSources = ['base64', 'text', 'content', 'file']

const request = compileRequestShape({
  maxOutput: ['max_tokens'],
  tools: [
    { at: 'tools[].type', harmless: harmlessTools },
    { at: 'messages[].content[].tool.definition.type', harmless: harmlessTools },
    { at: 'messages[].content[].tool_changes[].tool.definition.type', harmless: harmlessTools },
    { at: 'mcp_servers[]{}', harmless: [], name: 'mcp' },
    ...contents.map((at) => ({ at: `${at}.source.type`, harmless: harmlessSources, name: urlSource })),
  ],
})

const event: DocumentShape = {
  paths: compileJsonPaths({
    capture: ['type', 'message.model', 'message.usage', 'delta.stop_reason', 'usage'],
    measure: ['delta.text', 'delta.thinking', 'delta.partial_json', 'delta.content'],
    seal: ['delta.signature', 'content_block.data'],
  }),
  createReader: (tally) => {
    let hasLateCounts = false
    return (found) => {
      noteModel(tally, found.value('message.model'))
      const first = found.value('message.usage')
      if (first !== undefined && !isPlaceholder(first)) applyUsage(tally, first)
      const late = found.value('usage')
      const hasCounts = late !== undefined && applyUsage(tally, late)
      if (late !== undefined) hasLateCounts = hasCounts
      for (const path of ['message.usage', 'usage']) if (found.isUnreadable(path)) reject(tally, path, 'unreadable')
      // Several deltas may report; the one that says why the message stopped is the last.
      if (hasCounts && typeof found.value('delta.stop_reason') === 'string') tally.isFinal = true
      const type = found.value('type') ?? found.eventName
      if (type === 'error') tally.phase = 'failed'
      if (type === 'message_stop' && tally.phase === 'open') {
        tally.phase = 'complete'
        tally.isFinal = hasLateCounts
      }
    }
  },
}

const document: DocumentShape = {
  paths: compileJsonPaths({
    capture: ['type', 'model', 'usage'],
    measure: ['content[].text', 'content[].thinking', 'content[].input'],
    seal: ['content[].signature', 'content[].data'],
  }),
  createReader: (tally) => (found) => {
    noteModel(tally, found.value('model'))
    const usage = found.value('usage')
    if (usage !== undefined) tally.isFinal = applyUsage(tally, usage)
    if (found.isUnreadable('usage')) reject(tally, 'usage', 'unreadable')
    if (found.value('type') === 'error') tally.phase = 'failed'
    else if (found.isWhole) tally.phase = 'complete'
  },
}

const shapes: ResponseShapes = { event, document }

export const anthropicMessages: WireFormat = {
  name: 'anthropic-messages',
  readRequest: (chunks) => readRequest(request, chunks),
  createMeter: (kind) => createResponseMeter(shapes, kind),
}
