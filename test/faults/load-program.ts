/**
 * The program in a bottle of the fault harness: `node load-program.ts NAME LANES SEED`. It asks the providers in every wire
 * format, streams and documents, until it is killed, and prints one line of JSON for each exchange that ended. Every
 * exchange has a model of its own, by which the provider's log and the ledger know it.
 */
import { request } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from './seeded-random.ts'

/** What a client got of one exchange. */
export interface SeenExchange {
  readonly model: string
  /** 0: no answer. */
  readonly status: number
  /** The answer came to its last event or byte. */
  readonly isWhole: boolean
}

interface Call {
  readonly host: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: object
  /** Is in the last bytes of every whole answer. */
  readonly lastWord: string
}

const [name = '', lanes = '1', seed = '0'] = process.argv.slice(2)
const random = seededRandom(Number(seed))
const retryMs = 20
let asked = 0

const openai = 'api.openai.com'
const google = 'generativelanguage.googleapis.com'

function nextCall(model: string): Call {
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
        headers: { 'anthropic-version': '2023-06-01' },
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
    case 2:
      return {
        host: openai,
        path: '/v1/chat/completions',
        body: {
          model,
          stream,
          max_tokens: tokens,
          messages,
          ...(stream && random.below(2) === 0 && { stream_options: { include_usage: true } }),
        },
        lastWord: stream ? '[DONE]' : '"finish_reason"',
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

/** Rejects where no answer came. */
function exchange(model: string, { host, path, headers, body, lastWord }: Call): Promise<SeenExchange> {
  const text = JSON.stringify(body)
  const leavesAt = random.below(16) === 0 ? random.below(4_000) : undefined
  const { promise, resolve, reject } = Promise.withResolvers<SeenExchange>()
  const asking = request(
    {
      host,
      path,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    },
    (response) => {
      let seen = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        seen += chunk
        if (leavesAt !== undefined && seen.length > leavesAt) asking.destroy()
      })
      response.on('error', () => {})
      response.once('close', () => {
        const status = response.statusCode ?? 0
        resolve({ model, status, isWhole: response.complete && status === 200 && seen.includes(lastWord) })
      })
    },
  )
  asking.once('error', reject)
  asking.end(text)
  return promise
}

async function runLane(): Promise<never> {
  for (;;) {
    const model = `${name}-${++asked}`
    const seen = await exchange(model, nextCall(model)).catch(
      (): SeenExchange => ({ model, status: 0, isWhole: false }),
    )
    process.stdout.write(`${JSON.stringify(seen)}\n`)
    if (seen.status !== 200) await delay(retryMs)
  }
}

await Promise.all(Array.from({ length: Number(lanes) }, runLane))
