/** Answers of our own: refusals, cuts, failures. */
import { STATUS_CODES } from 'node:http'
import type { BottleError } from '../core/errors.ts'
import type { WireFormatName } from '../core/metering/format.ts'
import { type Answer, plainAnswer, spentAnswer } from '../core/provider/refusal.ts'
import { formatOf, hostOwner } from '../core/routing/decide.ts'
import type { ClientResponse } from './client-messages.ts'
import type { ForwardEnd } from './forward.ts'
import { proxyLimits } from './limits.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { DecidedLine, DecidedRequest, ExchangeContext, ReadyRequest } from './ready-request.ts'

/** Gives an answer, if none has begun, and ends the connection with it: a refusal is not worth keeping one. */
export function give(response: ClientResponse, { status, headers, body }: Answer): void {
  if (response.headersSent || response.destroyed) return
  const fields = { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' }
  response.writeHead(status, STATUS_CODES[status] ?? '', Object.entries(fields).flat())
  const { req: unread } = response
  if (unread.readableEnded || unread.destroyed) return void response.end(body)
  // Closing on unread bytes resets the connection, and a client that still sends would lose the answer: they are read
  // and dropped for a while (RFC 9112 §9.6).
  response.write(body)
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, proxyLimits.refusalDrainMs)
  unread.once('end', end).once('close', end)
  unread.resume()
}

/** What a bottle that is cut is told. */
export function giveCut({ response, egress, exchange }: ExchangeContext, line: DecidedLine): void {
  const owner = hostOwner(egress.providers, line.host)
  give(response, cutAnswer(exchange, owner && formatOf(owner.host, line)))
}

/** In the shape of a provider, or where there is none in our own. */
function cutAnswer({ cutMessage = '', id }: OpenExchange, format: WireFormatName | undefined): Answer {
  return format ? spentAnswer(format, cutMessage, id) : plainAnswer(403, 'cut', cutMessage)
}

export interface Refusal {
  readonly status: number
  readonly code: string
  readonly reason: string
}

/** Refuses by policy, and tells the operator. */
export function refuse(
  { request, response, line, egress, arrival, exchange }: ExchangeContext,
  { status, code, reason }: Refusal,
): void {
  exchange.traffic.wasRefused = true
  const { host = arrival.host ?? '', path = '' } = line.kind === 'request' ? line : {}
  egress.on.denied({
    method: request.method,
    host,
    path,
    status,
    code,
    reason,
  })
  give(response, plainAnswer(status, code, `bot-bottle: ${reason}`))
}

/** What the client is told when an exchange ended without a whole answer of the provider. */
export function giveEnd(
  { response, verdict, exchange }: Pick<ReadyRequest, 'response' | 'verdict' | 'exchange'>,
  end: ForwardEnd,
): void {
  giveAnswer(response, end, () => cutAnswer(exchange, verdict.format))
}

/** The same on a plain route. */
export function giveRoutedEnd({ response, exchange }: DecidedRequest, end: ForwardEnd): void {
  giveAnswer(response, end, () => cutAnswer(exchange, undefined))
}

function giveAnswer(response: ClientResponse, end: ForwardEnd, ofCut: () => Answer): void {
  const answer = answerToEnd(end, ofCut)
  if (answer) give(response, answer)
  if (end.kind === 'upstream_timeout' && end.hadHead) response.destroy()
}

function answerToEnd(end: ForwardEnd, ofCut: () => Answer): Answer | undefined {
  switch (end.kind) {
    case 'complete':
    case 'client_gone':
      return undefined
    case 'cut':
      return ofCut()
    case 'upstream_failed':
      return plainAnswer(502, end.error.code, failureSentence(end.error))
    case 'upstream_timeout':
      return plainAnswer(504, 'upstream_timeout', 'bot-bottle: the upstream did not answer in time')
  }
}

export function failureSentence({ message, hint }: BottleError): string {
  return `bot-bottle: ${message}${hint === undefined ? '' : ` (${hint})`}`
}
