/** Prints how fast the meter reads: `node bench/meter.ts`. In MB for each second of the thread's CPU time, once warm. */
import { createTokenEstimator } from '../src/core/metering/estimator/token-estimator.ts'
import { wireFormats } from '../src/core/metering/formats/formats.ts'

const chunkBytes = 16 * 1024
const targetBytes = 32 * 1024 * 1024
const rounds = 5

function repeat(text: string): Buffer {
  return Buffer.from(text.repeat(Math.ceil(targetBytes / text.length)))
}

/** A stream of events that differ as those of a provider do, by their order. */
function streamOf(event: (order: number) => string): Buffer {
  const events = Array.from({ length: 1_000 }, (_, order) => event(order))
  return repeat(events.join(''))
}

function inChunks(bytes: Buffer): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  )
}

function measure(title: string, byteCount: number, run: () => void): void {
  run()
  const start = process.threadCpuUsage()
  for (let round = 0; round < rounds; round++) run()
  const { user, system } = process.threadCpuUsage(start)
  console.log(`${title.padEnd(58)} ${((byteCount * rounds) / (user + system)).toFixed(0).padStart(7)} MB/s`)
}

const padding = (order: number): string => 'dThKq2ajSAGIDx7w'.slice(0, 1 + (order % 16))

const anthropicDelta = (text: string) => (): string =>
  `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":${JSON.stringify(text)}}}\n\n`

const openaiDelta =
  (text: string) =>
  (order: number): string =>
    `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","content_index":0,"delta":${JSON.stringify(text)},"item_id":"msg_0a63f40a2632b74300699f8819a5e08196ac270722d369af5a","output_index":0,"sequence_number":${order},"obfuscation":"${padding(order)}"}\n\n`

const chatDelta =
  (text: string) =>
  (order: number): string =>
    `data: {"id":"chatcmpl-D8Z5oo6uDh67AD85p73ksdT1KxhE0","object":"chat.completion.chunk","created":1770933892,"model":"gpt-4.1-nano","service_tier":"default","system_fingerprint":"fp_de604bd877","choices":[{"index":0,"delta":{"content":${JSON.stringify(text)}},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"${padding(order)}"}\n\n`

const geminiEvent =
  (text: string) =>
  (order: number): string =>
    `data: {"candidates":[{"content":{"parts":[{"text":${JSON.stringify(text)}}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":${order},"totalTokenCount":${194 + order},"thoughtsTokenCount":185},"modelVersion":"gemini-3-pro-preview","responseId":"bH6LaZW8Fp"}\n\n`

const prose = 'The meter reads a copy of the bytes and never changes, delays or breaks the response.\n\n'
const code = 'if (a["b"] === "c") {\n  return "d\\n"\n}\n'
const streams = {
  'Anthropic SSE, deltas of a few words': ['anthropic-messages', anthropicDelta(', and then the')],
  'Anthropic SSE, deltas of 400 characters': ['anthropic-messages', anthropicDelta(prose.repeat(5).slice(0, 400))],
  'Anthropic SSE, deltas of code': ['anthropic-messages', anthropicDelta(code)],
  'OpenAI Responses SSE, deltas of a word': ['openai-responses', openaiDelta(' meter')],
  'OpenAI chat SSE, deltas of a word': ['openai-chat', chatDelta(' meter')],
  'Gemini SSE, 400 characters and usage an event': ['gemini', geminiEvent(prose.repeat(5).slice(0, 400))],
  'OpenAI Responses SSE, one event of 32 MB': [
    'openai-responses',
    () => `data: {"type":"x","text":${JSON.stringify(repeat(prose).toString())}}\n\n`,
  ],
} as const

for (const [title, [name, event]] of Object.entries(streams)) {
  const isOne = event(0).length > chunkBytes
  const bytes = isOne ? Buffer.from(event(0)) : streamOf(event)
  const chunks = inChunks(bytes)
  measure(title, bytes.length, () => {
    const meter = wireFormats[name].createMeter('sse')
    for (const chunk of chunks) meter.feed(chunk)
    meter.end()
  })
}

for (const [kind, text] of Object.entries({ prose, code })) {
  const message = { role: 'user', content: [{ type: 'text', text: text.repeat(20) }] }
  const count = Math.ceil(200_000 / JSON.stringify(message).length)
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: Array(count).fill(message), stream: true }))
  const chunks = inChunks(body)
  const times = 50
  const bottle = createTokenEstimator().forBottle()
  bottle.learn(bottle.estimate({ provider: 'p', model: 'm', body: chunks }), 50_000, 0)
  measure(`request of 200 KB, ${kind}: read`, body.length * times, () => {
    for (let time = 0; time < times; time++) wireFormats['anthropic-messages'].readRequest(chunks, '/v1/messages')
  })
  measure(`request of 200 KB, ${kind}: estimate`, body.length * times, () => {
    for (let time = 0; time < times; time++) bottle.estimate({ provider: 'p', model: 'm', body: chunks })
  })
  measure(`request of 200 KB, ${kind}: JSON.parse, for comparison`, body.length * times, () => {
    for (let time = 0; time < times; time++) JSON.parse(body.toString())
  })
}
