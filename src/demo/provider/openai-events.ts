/** Writes an answer as the Responses API does, as one JSON body or as a stream. */
import type { Answer } from './answer.ts'
import type { Piece } from './generate.ts'
import {
  type Fields,
  finalStatus,
  itemIdOf,
  itemOf,
  kindsOf,
  type OpenAIResponse,
  openAIUsage,
  outputOf,
  responseObject,
  textPart,
} from './openai-object.ts'
import type { StreamEvent } from './stream-event.ts'

export function openAIBody(response: OpenAIResponse): unknown {
  const status = finalStatus(response)
  return responseObject(response, { status, output: outputOf(response) })
}

export async function* openAIEvents(
  response: OpenAIResponse,
  pieces: AsyncIterable<Piece>,
): AsyncGenerator<StreamEvent> {
  const event = numberedEvents()
  for (const type of ['response.created', 'response.in_progress']) {
    yield {
      ...event(type, { response: responseObject(response, { status: 'in_progress', output: [] }) }),
      isHead: true,
    }
  }
  const kinds = kindsOf(response.answer)
  let outputIndex = -1
  for await (const piece of pieces) {
    if (piece.kind !== kinds[outputIndex]) {
      yield* closeItem(response, outputIndex, event)
      outputIndex += 1
      yield* openItem(response, outputIndex, event)
    }
    // Reasoning stays with the provider: its tokens are told with the item's last event.
    if (piece.kind !== 'reasoning') yield deltaEvent(response, { piece, outputIndex, event })
  }
  yield* closeItem(response, outputIndex, event)
  const status = finalStatus(response)
  yield {
    ...event(`response.${status}`, { response: responseObject(response, { status, output: outputOf(response) }) }),
    reports: openAIUsage(response),
  }
}

/** The event that ends a stream when the provider fails. */
export function openAIFailedEvent(response: OpenAIResponse, error: { code: string; message: string }): StreamEvent {
  const failed = responseObject(response, { status: 'failed', output: [] })
  return { name: 'response.failed', payload: { type: 'response.failed', response: { ...failed, error } } }
}

export function openAIErrorBody(error: { message: string; type: string; code: string | null }): Fields {
  return { error: { ...error, param: null } }
}

type EventMaker = (type: string, fields: Fields) => StreamEvent

function numberedEvents(): EventMaker {
  let sequenceNumber = -1
  return (type, fields) => {
    sequenceNumber += 1
    return { name: type, payload: { type, sequence_number: sequenceNumber, ...fields } }
  }
}

function* openItem(response: OpenAIResponse, outputIndex: number, event: EventMaker): Generator<StreamEvent> {
  const kind = kindsOf(response.answer)[outputIndex]
  if (kind === undefined) return
  yield event('response.output_item.added', {
    output_index: outputIndex,
    item: itemOf(response, kind, 'in_progress'),
  })
  if (kind === 'text') {
    yield event('response.content_part.added', { ...textPlace(response, outputIndex), part: textPart('') })
  }
}

function deltaEvent(
  response: OpenAIResponse,
  { piece, outputIndex, event }: { readonly piece: Piece; readonly outputIndex: number; readonly event: EventMaker },
): StreamEvent {
  const outputTokens = piece.tokens
  if (piece.kind === 'text') {
    const place = textPlace(response, outputIndex)
    return { ...event('response.output_text.delta', { ...place, delta: piece.text, logprobs: [] }), outputTokens }
  }
  const place = { item_id: itemIdOf(response.id, piece.kind), output_index: outputIndex }
  return { ...event(`${toolEventOf(response.answer)}.delta`, { ...place, delta: piece.text }), outputTokens }
}

function* closeItem(response: OpenAIResponse, outputIndex: number, event: EventMaker): Generator<StreamEvent> {
  const kind = kindsOf(response.answer)[outputIndex]
  if (kind === undefined) return
  if (kind === 'text') {
    const place = textPlace(response, outputIndex)
    const text = response.answer.text.join('')
    yield event('response.output_text.done', { ...place, text, logprobs: [] })
    yield event('response.content_part.done', { ...place, part: textPart(text) })
  }
  if (kind === 'tool') {
    const input = response.answer.toolCall?.input.join('')
    const field = toolEventOf(response.answer).endsWith('arguments') ? { arguments: input } : { input }
    const place = { item_id: itemIdOf(response.id, kind), output_index: outputIndex }
    yield event(`${toolEventOf(response.answer)}.done`, { ...place, ...field })
  }
  const done = { output_index: outputIndex, item: itemOf(response, kind, 'completed') }
  const outputTokens = kind === 'reasoning' ? response.answer.reasoning.length : 0
  yield { ...event('response.output_item.done', done), outputTokens }
}

function toolEventOf({ toolCall }: Answer): string {
  return typeof toolCall?.call.input === 'string'
    ? 'response.custom_tool_call_input'
    : 'response.function_call_arguments'
}

function textPlace({ id }: OpenAIResponse, outputIndex: number): Fields {
  return { item_id: itemIdOf(id, 'text'), output_index: outputIndex, content_index: 0 }
}
