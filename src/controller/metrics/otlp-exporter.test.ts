import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { metricsUrl, openOtlpExporter } from './otlp-exporter.ts'

interface Received {
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const never = 3_600_000
let collector: Server
let received: Received[]
/** Of the next answers; then 200. */
let statuses: number[]
let notices: string[]
let onNotice: () => void

beforeEach(async () => {
  ;[received, statuses, notices, onNotice] = [[], [], [], () => {}]
  collector = createServer(async (request, response) => {
    received.push({ url: request.url, headers: request.headers, body: await text(request) })
    response.writeHead(statuses.shift() ?? 200).end()
  })
  await once(collector.listen(0, '127.0.0.1'), 'listening')
})
afterEach(() => collector.close())

const open = (changes: object = {}) =>
  openOtlpExporter({
    endpoint: new URL(`http://127.0.0.1:${(collector.address() as AddressInfo).port}`),
    headers: new Map([['authorization', 'env:BOT_BOTTLE_TOKEN']]),
    ...{ intervalMs: never, extraCa: null, environment: { BOT_BOTTLE_TOKEN: 'Bearer s3cret\n' } },
    body: async () => ({ resourceMetrics: [] }),
    onNotice(sentence: string) {
      notices.push(sentence)
      onNotice()
    },
    ...changes,
  })

test('sends the last figures when it ends, with the headers whose values the host keeps', async () => {
  await open()[Symbol.asyncDispose]()
  expect(received).toEqual([
    {
      url: '/v1/metrics',
      headers: expect.objectContaining({ 'content-type': 'application/json', authorization: 'Bearer s3cret' }),
      body: '{"resourceMetrics":[]}',
    },
  ])
})

test('a collector that refuses is told of once, however often; and once when it takes again', async () => {
  statuses = [503, 429, 500]
  const takesAgain = Promise.withResolvers<void>()
  onNotice = () => {
    if (notices.length === 2) takesAgain.resolve()
  }
  const exporter = open({ intervalMs: 1 })
  await takesAgain.promise
  await exporter[Symbol.asyncDispose]()
  const origin = `http://127.0.0.1:${new URL(`http://${received[0]?.headers.host}`).port}`
  expect(notices).toEqual([`metrics could not be exported: ${origin} answered 503`, `metrics reach ${origin} again`])
})

test.each([
  [{ environment: {} }, 'BOT_BOTTLE_TOKEN'],
  [{ environment: { BOT_BOTTLE_TOKEN: 's3cret\nx-other: 1' } }, 'has a character that no HTTP header may have'],
  [{ endpoint: new URL('http://127.0.0.1:1') }, 'http://127.0.0.1:1: connect ECONNREFUSED'],
  [{ body: () => Promise.reject(new Error('no figures')) }, 'no figures'],
])('what fails is told, without the secret, and stops nobody: %j', async (changes, why) => {
  await open(changes)[Symbol.asyncDispose]()
  expect(notices).toEqual([expect.stringContaining(why)])
  expect(notices.join()).not.toContain('s3cret')
  expect(received).toEqual([])
})

test.each([
  ['https://otel.example.com', 'https://otel.example.com/v1/metrics'],
  ['https://otel.example.com/otlp/', 'https://otel.example.com/otlp/v1/metrics'],
])('the endpoint %s means %s', (endpoint, url) => {
  expect(metricsUrl(new URL(endpoint)).href).toBe(url)
})
