import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Verdict } from '../core/routing/decide.ts'
import type { BodyQuota } from './body-quota.ts'
import type { Egress } from './egress.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { Arrival, StrictRequest } from './strict-request.ts'

/** A request as it came in. */
export interface ExchangeContext {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly arrival: Arrival
  readonly egress: Egress
  readonly exchange: OpenExchange
  readonly bodies: BodyQuota
}

export type DecidedLine = Extract<StrictRequest, { kind: 'request' }>
export type AllowedVerdict = Exclude<Verdict, { kind: 'refused' }>

/** A request that may be sent: decided, its body read. */
export interface ReadyRequest extends ExchangeContext {
  readonly line: DecidedLine
  readonly verdict: AllowedVerdict
  readonly body: readonly Buffer[]
  readonly bodyBytes: number
}
