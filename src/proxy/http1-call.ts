/** A call in HTTP/1.1. */
import type { ClientRequest } from 'node:http'
import { type RequestOptions, request as startRequest } from 'node:https'
import { proxyLimits } from './limits.ts'
import { type CallHandlers, isStreamed, pipeWhole, type UpstreamCall, type UpstreamRequest } from './upstream-call.ts'

export interface Http1CallOptions {
  readonly request: UpstreamRequest
  readonly handlers: CallHandlers
}

/** `destination`: where to dial, and the pool. */
export function callHttp1(destination: RequestOptions, { request, handlers }: Http1CallOptions): UpstreamCall {
  const { host, method, target, headers, body } = request
  const outgoing = startRequest({
    ...destination,
    // Set for each request: a pooled connection otherwise keeps the short timeout of its idle time.
    timeout: proxyLimits.upstreamIdleTimeoutMs,
    method,
    path: target,
    setHost: false,
    headers: ['host', host, ...headers],
  })
  const startedAtMs = performance.now()
  const connectTimer = setTimeout(handlers.onTimeout, proxyLimits.connectTimeoutMs)
  let hasAnswer = false

  const onError = (error: Error) => {
    clearTimeout(connectTimer)
    handlers.onFailed({ error, isUnprocessed: isReset(error) && outgoing.reusedSocket && isYoung(startedAtMs) })
  }
  whenConnected(outgoing, () => {
    clearTimeout(connectTimer)
    handlers.onSent()
  })
  outgoing.once('timeout', handlers.onTimeout)
  outgoing.on('error', onError)
  outgoing.once('close', () => {
    clearTimeout(connectTimer)
    // An unasked switch of protocols ends in neither an answer nor an error.
    if (!hasAnswer) onError(new Error('it closed the connection without an answer'))
  })
  outgoing.once('response', (incoming) => {
    hasAnswer = true
    incoming.on('error', onError)
    // An answer may be complete before the request is; nobody would read the rest of it.
    incoming.once('end', () => {
      if (!outgoing.writableFinished) outgoing.destroy()
    })
    handlers.onAnswer(incoming, incoming)
  })
  send(body, outgoing)
  return { abort: () => void outgoing.destroy() }
}

function send(body: UpstreamRequest['body'], outgoing: ClientRequest): void {
  // Only once the handshake is done: a host that refuses HTTP/1.1 there can still be sent all of it.
  if (isStreamed(body)) pipeWhole(body, outgoing, (start) => whenConnected(outgoing, start))
  else {
    for (const chunk of body.slice(0, -1)) outgoing.write(chunk)
    outgoing.end(body.at(-1))
  }
}

function whenConnected(outgoing: ClientRequest, onConnected: () => void): void {
  outgoing.once('socket', (socket) => {
    if (socket.connecting) socket.once('secureConnect', onConnected)
    else onConnected()
  })
}

function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/** Later the provider may have begun to work on it, and a second attempt would be billed beside the first. */
function isYoung(startedAtMs: number): boolean {
  return performance.now() - startedAtMs < proxyLimits.staleConnectionMs
}
