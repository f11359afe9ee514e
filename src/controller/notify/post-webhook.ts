/**
 * Sends a notification to a URL of the host's settings. Verified TLS, no redirects, no proxy; of the answer only the status
 * counts. Errors name the origin alone: the path of a webhook is often its secret.
 */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { request as requestInTheClear } from 'node:http'
import { request } from 'node:https'
import { rootCertificates } from 'node:tls'
import { messageOf } from '../../core/errors.ts'
import { packageVersion } from '../../host/version.ts'
import { UndeliverableError } from './delivery-queue.ts'

export interface WebhookPost {
  readonly url: URL
  readonly id: string
  readonly body: string
  /** Signs the body. */
  readonly secret: string | null
  /** A trusted root besides Node's, PEM. */
  readonly extraCa: string | null
  readonly signal: AbortSignal
}

/** Rejects unless the answer's status is 2xx. */
export async function postWebhook({ url, id, body, secret, extraCa, signal }: WebhookPost): Promise<void> {
  const head = {
    method: 'POST',
    agent: false,
    signal,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': `bot-bottle/${packageVersion()}`,
      'x-bot-bottle-id': id,
      ...(secret !== null && { 'x-bot-bottle-signature': signatureOf(body, secret) }),
    },
  }
  const sent =
    url.protocol === 'https:'
      ? request(url, {
          ...head,
          // Safety: no variable in the environment may turn verification off.
          rejectUnauthorized: true,
          ca: extraCa === null ? [...rootCertificates] : [...rootCertificates, extraCa],
        })
      : requestInTheClear(url, head)
  try {
    sent.end(body)
    const [{ statusCode = 0 }] = await once(sent, 'response')
    if (statusCode >= 200 && statusCode < 300) return
    const why = `${url.origin} answered ${statusCode}`
    throw mayPass(statusCode) ? new Error(why) : new UndeliverableError(why)
  } catch (error) {
    if (signal.aborted) throw new Error(`${url.origin} did not answer: ${messageOf(signal.reason)}`)
    if (error instanceof Error && 'code' in error) throw new Error(`${url.origin}: ${messageOf(error)}`)
    throw error
  } finally {
    sent.on('error', () => {}).destroy()
  }
}

/** Of the refusals only those that say "later". */
function mayPass(statusCode: number): boolean {
  return statusCode >= 500 || statusCode === 408 || statusCode === 425 || statusCode === 429
}

function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}
