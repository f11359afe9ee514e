import { giveCut, refuse } from './answer.ts'
import type { BodyShare } from './body-quota.ts'
import { type CollectedBody, collectBody } from './collect-body.ts'
import { proxyLimits } from './limits.ts'
import type { DecidedRequest } from './ready-request.ts'

export type WholeBody = Extract<CollectedBody, { kind: 'body' }>

/** The whole body of a request in memory, or `undefined` after the client was told why not. */
export async function readBody(decided: DecidedRequest, share: BodyShare): Promise<WholeBody | undefined> {
  const { request, line, exchange } = decided
  const body = await collectBody(request.body, {
    announcedBytes: line.bodyBytes,
    maxBytes: proxyLimits.maxRequestBytes,
    share,
    signal: exchange.signal,
  })
  switch (body.kind) {
    case 'client_gone':
      return undefined
    case 'aborted':
      giveCut(decided, line)
      return undefined
    case 'too_long': {
      const reason = `the request is longer than ${proxyLimits.maxRequestBytes} bytes`
      refuse(decided, { status: 413, code: 'request_too_long', reason })
      return undefined
    }
    case 'too_much': {
      const reason = `the requests in flight of this bottle hold more than ${proxyLimits.maxBodiesBytes} bytes`
      refuse(decided, { status: 413, code: 'requests_too_long', reason })
      return undefined
    }
    case 'body':
      return body
  }
}
