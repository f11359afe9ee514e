/** Event streams as the providers write them, small enough to count by hand. */

export interface StreamShape {
  /** One text delta each. */
  readonly deltas: readonly string[]
  readonly inputTokens?: number
  readonly outputTokens?: number
}

export function anthropicStream({ deltas, inputTokens = 10, outputTokens = deltas.length }: StreamShape): string[] {
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-opus-4-8', content: [] }
  return [
    event({ type: 'message_start', message: { ...message, usage: { input_tokens: inputTokens, output_tokens: 1 } } }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ...deltas.map((text) => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: outputTokens } }),
    event({ type: 'message_stop' }),
  ]
}

export function openaiStream({ deltas, inputTokens = 10, outputTokens = deltas.length }: StreamShape): string[] {
  const response = { id: 'resp_1', object: 'response', model: 'gpt-5', output: [] }
  const usage = { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens }
  return [
    event({ type: 'response.created', response: { ...response, status: 'in_progress', usage: null } }),
    ...deltas.map((delta) => event({ type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, delta })),
    event({ type: 'response.completed', response: { ...response, status: 'completed', usage } }),
  ]
}

function event(payload: { readonly type: string } & Readonly<Record<string, unknown>>): string {
  return `event: ${payload.type}\ndata: ${JSON.stringify(payload)}\n\n`
}

/** The events of a stream, whatever their line ends, without what follows the last empty line. */
export function eventsOf(text: string): { readonly name: string; readonly data: Record<string, unknown> }[] {
  const blocks = text.split(/\r\n\r\n|\n\n|\r\r/).filter((block) => block.trim() !== '')
  return blocks.map((block) => {
    const lines = block.split(/\r\n|\n|\r/)
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? ''
    return { name: field('event'), data: JSON.parse(field('data')) as Record<string, unknown> }
  })
}
