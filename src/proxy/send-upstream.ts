import type { StreamFilter } from '../core/metering/usage-chunk-filter.ts'
import { placeholderCredential } from '../core/provider/provider.ts'
import { createCredentialMask } from '../core/routing/credential-mask.ts'
import { type ForwardEnd, forward } from './forward.ts'
import {
  type AnswerCoding,
  clientHeaders,
  scrubOf,
  tracesOf,
  upstreamHeaders,
  withoutCredentialParameters,
  withoutField,
} from './heads.ts'
import type { ResponseTap } from './passage.ts'
import { readCredential } from './read-credential.ts'
import type { ReadyRequest } from './ready-request.ts'
import type { AnswerHead } from './upstream-call.ts'

export interface SendOptions {
  /** Called once, with the head of the answer. */
  tap?(head: AnswerHead): ResponseTap
  /** Called after it; where there is a filter the length that the head announces is not passed on. */
  filter?(head: AnswerHead): StreamFilter | undefined
  terminalEvent?(): string | undefined
  readonly answerCoding?: AnswerCoding
}

/** Dials with the real credential and passes the answer. Rejects, before anything is dialled, when there is none. */
export async function sendUpstream(
  ready: ReadyRequest,
  { tap, filter, terminalEvent = () => undefined, answerCoding = 'any' }: SendOptions = {},
): Promise<ForwardEnd> {
  const { request, response, line, verdict, body, bodyBytes, egress, exchange } = ready
  const authorization = await readCredential(ready, { kind: 'provider', provider: verdict.provider })
  if (!authorization) return { kind: 'cut', wasSent: false }
  const traces = tracesOf(authorization)
  const scrub = scrubOf(traces, placeholderCredential)
  return forward({
    upstream: egress.upstream,
    request: {
      host: line.host,
      method: line.method,
      target: `${line.path}${withoutCredentialParameters(line.query)}`,
      headers: upstreamHeaders({
        raw: request.rawHeaders,
        authorization,
        contentLength: bodyBytes > 0 || line.method === 'POST' ? bodyBytes : undefined,
        answerCoding,
      }),
      body,
    },
    response,
    exchange,
    openMask: () => createCredentialMask(traces),
    onHead(head) {
      const answerTap = tap?.(head)
      const answerFilter = filter?.(head)
      return {
        reason: scrub(head.statusMessage ?? ''),
        headers: clientHeaders(answerFilter ? withoutField(head.rawHeaders, 'content-length') : head.rawHeaders, scrub),
        ...(answerTap && { tap: answerTap }),
        filter: answerFilter,
      }
    },
    terminalEvent,
  })
}
