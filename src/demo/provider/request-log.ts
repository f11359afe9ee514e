/** The log of what the simulated provider was asked and what it reported: what a test compares a ledger with. */
import type { IncomingMessage } from 'node:http'
import type { Usage } from '../../core/metering/usage.ts'

export interface ServedRequest {
  /** The request id that the client got. */
  readonly id: string
  /** The Host header. */
  readonly host: string
  /** `response.create` for a request that came as a message of a WebSocket. */
  readonly method: string
  /** With the query. */
  readonly path: string
  /** In wire order, in lower case, repeated when they came repeated. */
  readonly headerNames: readonly string[]
  /** Every header that can carry a credential, name → value as received. */
  readonly credentials: Readonly<Record<string, string>>
  readonly bodyBytes: number
  /** The decoded body, where bodies are kept. */
  readonly body: string | undefined
  readonly model: string | undefined
  readonly stream: boolean
  /** 0 until a status was sent. */
  readonly status: number
  /** What the client was told, as far as it was told. */
  readonly reported: Usage
  /** What a provider would bill: the whole input, and the output that was sent. */
  readonly billed: Usage
  /**
   * - `open`: still running
   * - `complete`: the answer was sent to its end
   * - `aborted`: the client left
   * - `failed`: the fail mode cut it
   */
  readonly end: 'open' | 'complete' | 'aborted' | 'failed'
}

/** A log entry while its request runs: written by the handlers, read by everybody else as `ServedRequest`. */
export type LogEntry = { -readonly [Key in keyof ServedRequest]: ServedRequest[Key] }

export interface RequestLog {
  readonly served: readonly ServedRequest[]
  /** `method` where it is not that of the head, as for the messages of a WebSocket. */
  open(request: IncomingMessage, method?: string): LogEntry
}

const credentialHeaders = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'proxy-authorization',
])

export function createRequestLog({ keepsBodies = false }: { readonly keepsBodies?: boolean } = {}): RequestLog {
  const served: LogEntry[] = []
  return {
    served,
    open(request, method = request.method ?? '') {
      const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
      const entry: LogEntry = {
        id: `req_sim${String(served.length + 1).padStart(6, '0')}`,
        host: request.headers.host ?? '',
        method,
        path: request.url ?? '',
        headerNames: names,
        credentials: Object.fromEntries(
          names.filter((name) => credentialHeaders.has(name)).map((name) => [name, String(request.headers[name])]),
        ),
        bodyBytes: 0,
        body: keepsBodies ? '' : undefined,
        model: undefined,
        stream: false,
        status: 0,
        reported: {},
        billed: {},
        end: 'open',
      }
      served.push(entry)
      return entry
    },
  }
}
