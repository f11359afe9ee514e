/** The webhook of `notify`: real HTTP and TLS on loopback. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { UndeliverableError } from '../../src/controller/notify/delivery-queue.ts'
import { postWebhook, type WebhookPost } from '../../src/controller/notify/post-webhook.ts'
import { createServerCertificate } from '../../src/demo/provider/certificates.ts'

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function listen(server: Server): Promise<{ readonly port: number } & AsyncDisposable> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void (await once(server.close(), 'close')),
  }
}

function answering(statusCode: number, seen: Seen[] = []): RequestListener {
  return async (request, response) => {
    const { method, url, headers } = request
    seen.push({ method, url, headers, body: (await buffer(request)).toString() })
    response.writeHead(statusCode, { location: '/elsewhere' }).end('whatever')
  }
}

const post = (url: string, options: Partial<WebhookPost> = {}) =>
  postWebhook({
    url: new URL(url),
    id: 'id-1',
    body: '{"kind":"warning"}\n',
    secret: null,
    extraCa: null,
    signal: AbortSignal.timeout(5_000),
    ...options,
  })

test('one POST of JSON with its id, signed where there is a secret', async () => {
  const seen: Seen[] = []
  await using server = await listen(createServer(answering(204, seen)))
  const url = `http://127.0.0.1:${server.port}/hook?a=b`
  await post(url)
  await post(url, { secret: 'shared' })
  expect(seen[0]).toMatchObject({
    method: 'POST',
    url: '/hook?a=b',
    headers: { 'content-type': 'application/json', 'x-bot-bottle-id': 'id-1' },
    body: '{"kind":"warning"}\n',
  })
  expect(seen[0]?.headers['x-bot-bottle-signature']).toBeUndefined()
  const digest = createHmac('sha256', 'shared').update('{"kind":"warning"}\n').digest('hex')
  expect(seen[1]?.headers['x-bot-bottle-signature']).toBe(`sha256=${digest}`)
})

test.each([500, 503, 408, 429])('an answer of %i may be another one later', async (status) => {
  await using server = await listen(createServer(answering(status)))
  const failure = post(`http://127.0.0.1:${server.port}/T/secret`)
  await expect(failure).rejects.toThrow(`http://127.0.0.1:${server.port} answered ${status}`)
  await expect(failure).rejects.not.toBeInstanceOf(UndeliverableError)
})

test.each([301, 307, 400, 404, 410])('an answer of %i is final, and no redirect is followed', async (status) => {
  const seen: Seen[] = []
  await using server = await listen(createServer(answering(status, seen)))
  await expect(post(`http://127.0.0.1:${server.port}/`)).rejects.toBeInstanceOf(UndeliverableError)
  expect(seen).toHaveLength(1)
})

test('who does not answer in time is left, and a refused connection is told without the path', async () => {
  await using silent = await listen(createServer(() => {}))
  const signal = AbortSignal.timeout(100)
  await expect(post(`http://127.0.0.1:${silent.port}/`, { signal })).rejects.toThrow(/did not answer/)
  const closed = await listen(createServer())
  await closed[Symbol.asyncDispose]()
  const failure = await post(`http://127.0.0.1:${closed.port}/T/secret`).catch((error: unknown) => String(error))
  expect(failure).toContain(`http://127.0.0.1:${closed.port}: `)
  expect(failure).not.toContain('secret')
})

test('TLS is verified: by the roots of Node and that of upstream_ca', async () => {
  const { certificate, key, caCertificate } = await createServerCertificate({ names: ['127.0.0.1'] })
  const seen: Seen[] = []
  await using server = await listen(createTlsServer({ cert: certificate, key }, answering(200, seen)))
  const url = `https://127.0.0.1:${server.port}/`
  await expect(post(url)).rejects.toThrow(/certificate/)
  await post(url, { extraCa: caCertificate })
  expect(seen).toHaveLength(1)
})
