/** One JSON request of this host itself, on the same guarded, verified way on which those of the bottles go. */
import type { Readable } from 'node:stream'
import type { PostJson } from '../host/secrets/logins.ts'
import { proxyLimits } from './limits.ts'
import type { Upstream } from './upstream.ts'
import type { CallFailure } from './upstream-call.ts'

export function postJson(upstream: Upstream): PostJson {
  return async (request) => {
    const first = await attempt(upstream, request)
    // A pooled connection had been closed: nothing was served there.
    const last = first.kind === 'failed' && first.isUnprocessed ? await attempt(upstream, request) : first
    if (last.kind === 'failed') throw new Error(`${request.host} could not be asked: ${last.error.message}`)
    return last
  }
}

type Attempt =
  | ({ readonly kind: 'failed' } & CallFailure)
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }

async function attempt(upstream: Upstream, { host, path, body }: Parameters<PostJson>[0]): Promise<Attempt> {
  const { promise, resolve } = Promise.withResolvers<Attempt>()
  const fail = (error: Error, isUnprocessed = false) => resolve({ kind: 'failed', error, isUnprocessed })
  const bytes = Buffer.from(body)
  const call = upstream.call(
    {
      host,
      method: 'POST',
      target: path,
      headers: ['content-type', 'application/json', 'accept', 'application/json', 'content-length', `${bytes.length}`],
      body: [bytes],
    },
    {
      onSent() {},
      onAnswer({ statusCode: status = 0 }, answer) {
        readText(answer).then((text) => resolve({ kind: 'answered', status, body: text }), fail)
      },
      onFailed: ({ error, isUnprocessed }) => fail(error, isUnprocessed),
      onTimeout: () => fail(new Error('it does not answer')),
    },
  )
  const timer = setTimeout(() => fail(new Error('it does not answer in time')), proxyLimits.ownRequestMs)
  const end = await promise
  clearTimeout(timer)
  if (end.kind === 'failed') call.abort()
  return end
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > proxyLimits.maxOwnAnswerBytes)
      throw new Error(`it answered more than ${proxyLimits.maxOwnAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
