/** A call in HTTP/2, as a stream of a session that others share (RFC 9113). */
import {
  type ClientHttp2Session,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  sensitiveHeaders,
} from 'node:http2'
import { proxyLimits } from './limits.ts'
import {
  type AnswerHead,
  type CallHandlers,
  isStreamed,
  pipeWhole,
  type UpstreamCall,
  type UpstreamRequest,
} from './upstream-call.ts'

export interface Http2CallOptions {
  readonly request: UpstreamRequest
  readonly handlers: CallHandlers
}

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants

export function callHttp2(session: ClientHttp2Session, { request, handlers }: Http2CallOptions): UpstreamCall {
  // Safety: a write of no bytes must not reach the stream; Node 24 loses its place then.
  const body = isStreamed(request.body) ? request.body : request.body.filter(({ length }) => length > 0)
  // Safety: not `close`, which ends the stream in order before it resets it: half a request could be taken for the whole.
  const abortion = new AbortController()
  const stream = session.request(headersOf(request), {
    endStream: !isStreamed(body) && body.length === 0,
    signal: abortion.signal,
  })
  const connectTimer = setTimeout(handlers.onTimeout, proxyLimits.connectTimeoutMs)
  let hasEnded = false

  const onConnected = () => {
    clearTimeout(connectTimer)
    handlers.onSent()
  }
  const onFailed = (error: Error) => {
    clearTimeout(connectTimer)
    // What was refused, or is beyond the last stream of a GOAWAY, was not worked on (RFC 9113 §8.7).
    handlers.onFailed({ error, isUnprocessed: !isStreamed(body) && stream.rstCode === NGHTTP2_REFUSED_STREAM })
  }
  if (session.connecting) session.once('connect', onConnected)
  else onConnected()
  stream.setTimeout(proxyLimits.upstreamIdleTimeoutMs, handlers.onTimeout)
  stream.on('error', onFailed)
  const onBrokenOff = () =>
    onFailed(new Error(`it closed the stream before the end of its answer (code ${stream.rstCode})`))
  stream.once('close', () => {
    session.off('connect', onConnected)
    clearTimeout(connectTimer)
    // A reset that is no error to Node, and a session that ended, close the stream without a word.
    if (!hasEnded) onBrokenOff()
  })
  stream.once('end', () => {
    hasEnded = true
    // Node ends what a reset broke off as if it were whole.
    if ((stream.rstCode ?? NGHTTP2_NO_ERROR) !== NGHTTP2_NO_ERROR) return onBrokenOff()
    // An answer may be complete before the request is; nobody would read the rest of it.
    if (!stream.writableFinished) abortion.abort()
  })
  stream.once('response', (headers, _flags, rawHeaders: readonly string[]) => {
    handlers.onAnswer(headOf(headers, rawHeaders), stream)
  })
  if (isStreamed(body)) {
    pipeWhole(body, stream)
  } else if (body.length > 0) {
    for (const chunk of body.slice(0, -1)) stream.write(chunk)
    stream.end(body.at(-1))
  }
  return { abort: () => abortion.abort() }
}

/** The failure of a session that is never opened is the call's. */
export function callHttp2WhenOpen(opening: Promise<ClientHttp2Session>, options: Http2CallOptions): UpstreamCall {
  let call: UpstreamCall | undefined
  let isAborted = false
  opening.then(
    (session) => {
      if (!isAborted) call = callHttp2(session, options)
    },
    (error) => {
      if (!isAborted) options.handlers.onFailed({ error, isUnprocessed: false })
    },
  )
  return {
    abort() {
      isAborted = true
      call?.abort()
    },
  }
}

/** Names are in lower case there, and the connection has no fields (§8.2). Credentials stay out of the compression's table. */
function headersOf({ host, method, target, headers }: UpstreamRequest): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = {}
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase()
    const value = headers[index + 1] ?? ''
    const earlier = fields[name]
    fields[name] = earlier === undefined ? value : [...(Array.isArray(earlier) ? earlier : [earlier]), value]
  }
  const pseudo = { ':method': method, ':scheme': 'https', ':authority': host, ':path': target }
  return { ...pseudo, ...fields, [sensitiveHeaders]: Object.keys(fields).filter((name) => credentialName.test(name)) }
}

const credentialName = /auth|key|token|cookie|secret/

/** In the shape of HTTP/1.1: no pseudo-fields, no reason. */
function headOf(
  headers: IncomingHttpHeaders & { ':status'?: number | undefined },
  rawHeaders: readonly string[],
): AnswerHead {
  const raw: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (!name.startsWith(':')) raw.push(name, rawHeaders[index + 1] ?? '')
  }
  return { statusCode: headers[':status'], statusMessage: '', headers, rawHeaders: raw }
}
