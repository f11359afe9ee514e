import type { ResponseContexts } from '../core/metering/response-contexts.ts'
import type { OwnVerdict, ProviderVerdict, RoutedVerdict } from '../core/routing/decide.ts'
import type { Arrival, StrictRequest } from '../core/routing/strict-request.ts'
import type { BodyQuota } from './body-quota.ts'
import type { ClientRequest, ClientResponse } from './client-messages.ts'
import type { Egress } from './egress.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { Upgrade } from './web-socket/accept.ts'
import type { BottleSockets } from './web-socket/bottle-sockets.ts'

/** A request as it came in, with what the strict front makes of it. */
export interface ArrivedRequest {
  readonly request: ClientRequest
  readonly response: ClientResponse
  readonly arrival: Arrival
  readonly line: StrictRequest
  /** It asks for a WebSocket. */
  readonly upgrade?: Upgrade
}

export interface ExchangeContext extends ArrivedRequest {
  readonly egress: Egress
  readonly exchange: OpenExchange
  readonly bodies: BodyQuota
  readonly sockets: BottleSockets
  /** Of the bottle's responses that the provider keeps. */
  readonly contexts: ResponseContexts
}

export type DecidedLine = Extract<StrictRequest, { kind: 'request' }>

/** A request that may pass, its body not read yet. */
export interface DecidedRequest extends ExchangeContext {
  readonly line: DecidedLine
  readonly verdict: OwnVerdict | ProviderVerdict | RoutedVerdict
}

/** A request for a provider that may be sent: decided, its body read. */
export interface ReadyRequest extends ExchangeContext {
  readonly line: DecidedLine
  readonly verdict: ProviderVerdict
  /** As it came, and as it is sent. */
  readonly body: readonly Buffer[]
  readonly bodyBytes: number
  /** What a metered one says beneath its content coding. */
  readonly content: readonly Buffer[]
}

/** What metering must know of an exchange, whatever it came on. */
export type Metering = Pick<ReadyRequest, 'egress' | 'exchange' | 'verdict' | 'contexts'>
