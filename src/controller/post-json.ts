/**
 * Sends JSON from the host to a URL of its settings. Verified TLS, no redirects, no proxy; of the answer only the status counts. Errors
 * name the origin alone: a path is often a secret.
 */
import { once } from 'node:events'
import { request as requestInTheClear } from 'node:http'
import { request } from 'node:https'
import { rootCertificates } from 'node:tls'
import { messageOf } from '../core/errors.ts'
import { packageVersion } from '../host/version.ts'

export interface JsonPost {
  readonly url: URL
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** A trusted root besides Node's, PEM. */
  readonly extraCa: string | null
  readonly signal: AbortSignal
}

/** The status of the answer. */
export async function postJson({ url, body, headers, extraCa, signal }: JsonPost): Promise<number> {
  const head = {
    method: 'POST',
    agent: false,
    signal,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': `bot-bottle/${packageVersion()}`,
      ...headers,
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
    return statusCode
  } catch (error) {
    if (signal.aborted) throw new Error(`${url.origin} did not answer: ${messageOf(signal.reason)}`)
    if (error instanceof Error && 'code' in error) throw new Error(`${url.origin}: ${messageOf(error)}`)
    throw error
  } finally {
    sent.on('error', () => {}).destroy()
  }
}
