/**
 * The program in a bottle of the fault harness and of the soak: `node load-program.ts LANES SEED NAME…`. It asks the providers in every wire
 * format, streams and documents, until it is killed, and prints one line of JSON (`SeenExchange`) for each exchange that ended.
 * Every exchange has a model of its own, by which the provider's log and the ledger know it, and which begins with the last NAME.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { askHttp1, askHttp2, type Call, type SeenExchange } from './load-clients.ts'
import { seededRandom } from './seeded-random.ts'

const [lanes = '1', seed = '0', ...names] = process.argv.slice(2)
const name = names.at(-1) ?? ''
const random = seededRandom(Number(seed))
/** Node's HTTP/2 heeds no variable: it needs a bottle where every address leads to the proxy. */
const clients =
  process.env.HTTPS_PROXY === undefined ? ([askHttp1, askHttp1, askHttp2] as const) : ([askHttp1] as const)
const retryMs = 20
let asked = 0

const openai = 'api.openai.com'
const google = 'generativelanguage.googleapis.com'

type Question = Pick<Call, 'host' | 'path' | 'body' | 'lastWord'>

function questionOf(model: string): Question {
  const prompt = 'say something about kills '.repeat(1 + random.below(12))
  const stream = random.below(3) > 0
  // A document is held at its input and 256 tokens, so that is what it may be charged when nobody saw its end.
  const tokens = stream ? 16 + random.below(600) : 16 + random.below(180)
  const messages = [{ role: 'user', content: prompt }]
  switch (random.below(5)) {
    case 0:
      return {
        host: 'api.anthropic.com',
        path: '/v1/messages',
        body: { model, stream, max_tokens: tokens, messages },
        lastWord: stream ? 'message_stop' : '"stop_reason"',
      }
    case 1:
      return {
        host: openai,
        path: '/v1/responses',
        body: { model, stream, max_output_tokens: tokens, input: prompt },
        lastWord: '"output_tokens"',
      }
    case 2: {
      const asksForUsage = stream && random.below(2) === 0 && { stream_options: { include_usage: true } }
      return {
        host: openai,
        path: '/v1/chat/completions',
        body: { model, stream, max_tokens: tokens, messages, ...asksForUsage },
        lastWord: stream ? '[DONE]' : '"finish_reason"',
      }
    }
    case 3: {
      const way = stream ? `streamGenerateContent${random.pick(['?alt=sse', ''])}` : 'generateContent'
      return {
        host: google,
        path: `/v1beta/models/${model}:${way}`,
        body: {
          contents: [{ role: 'user', parts: [{ text: prompt }] }],
          generationConfig: { maxOutputTokens: tokens },
        },
        lastWord: 'finishReason',
      }
    }
    default:
      return { host: openai, path: '/v1/embeddings', body: { model, input: prompt }, lastWord: '"usage"' }
  }
}

async function runLane(): Promise<never> {
  for (;;) {
    const model = `${name}-${++asked}`
    const question = questionOf(model)
    const headers = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' }
    const leavesAt = random.below(16) === 0 ? random.below(4_000) : Number.POSITIVE_INFINITY
    const seen = await random
      .pick(clients)({ model, headers, leavesAt, ...question })
      .catch((): SeenExchange => ({ model, status: 0, isWhole: false }))
    process.stdout.write(`${JSON.stringify(seen)}\n`)
    if (seen.status !== 200) await delay(retryMs)
  }
}

await Promise.all(Array.from({ length: Number(lanes) }, runLane))
