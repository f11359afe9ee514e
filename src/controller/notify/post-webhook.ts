/** Sends a notification to a URL of the host's settings, as `postJson` does. */
import { createHmac } from 'node:crypto'
import { postJson } from '../post-json.ts'
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
export async function postWebhook({ id, secret, ...post }: WebhookPost): Promise<void> {
  const statusCode = await postJson({
    ...post,
    headers: {
      'x-bot-bottle-id': id,
      ...(secret !== null && { 'x-bot-bottle-signature': signatureOf(post.body, secret) }),
    },
  })
  if (statusCode >= 200 && statusCode < 300) return
  const why = `${post.url.origin} answered ${statusCode}`
  throw mayPass(statusCode) ? new Error(why) : new UndeliverableError(why)
}

/** Of the refusals only those that say "later". */
function mayPass(statusCode: number): boolean {
  return statusCode >= 500 || statusCode === 408 || statusCode === 425 || statusCode === 429
}

function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}
