/**
 * Prometheus' text on a loopback address. Whoever is on this host may read it: it tells names and numbers, no secret. Pages in a
 * browser may not: a request whose Host is no name of this host's loopback is refused (DNS rebinding), as is all but GET.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { messageOf } from '../../core/errors.ts'
import { prometheusContentType } from '../../core/metrics/prometheus-text.ts'

export interface PrometheusServerOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  text(): Promise<string>
  /** One sentence for the operator. */
  onNotice(sentence: string): void
  readonly limits?: Partial<typeof prometheusLimits>
}

export interface PrometheusServer extends AsyncDisposable {
  /** The port, once it listens. */
  readonly listening: Promise<number>
}

export const prometheusLimits = {
  maxConnections: 16,
  headTimeoutMs: 5_000,
  maxHeadBytes: 8 * 1024,
  /** Another controller of this home may just be ending. */
  listenAgainMs: 5_000,
}

/** Listens as soon as the port is free: that it is not is told once, and stops nobody. */
export function openPrometheusServer({
  host,
  port,
  text,
  onNotice,
  limits,
}: PrometheusServerOptions): PrometheusServer {
  const { maxConnections, headTimeoutMs, maxHeadBytes, listenAgainMs } = { ...prometheusLimits, ...limits }
  const server = createServer(
    {
      ...{ headersTimeout: headTimeoutMs, requestTimeout: headTimeoutMs, keepAliveTimeout: headTimeoutMs },
      ...{ maxHeaderSize: maxHeadBytes, connectionsCheckingInterval: headTimeoutMs },
    },
    (request, response) => {
      answer(request, response, text).catch((error) => {
        response.destroy(error)
      })
    },
  )
  server.maxConnections = maxConnections
  let timer: NodeJS.Timeout | undefined
  let hasFailed = false
  const listen = () => server.listen({ host, port, exclusive: true })
  server.on('error', (error) => {
    if (!hasFailed) onNotice(`metrics cannot be had at ${host}:${port} yet: ${messageOf(error)}`)
    hasFailed = true
    if (!server.listening) timer = setTimeout(listen, listenAgainMs).unref()
  })
  const { promise: listening, resolve } = Promise.withResolvers<number>()
  server.on('listening', () => {
    const address = server.address()
    if (typeof address === 'object' && address !== null) resolve(address.port)
  })
  listen()
  return {
    listening,
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(
  { method, url, headers }: IncomingMessage,
  response: ServerResponse,
  text: PrometheusServerOptions['text'],
): Promise<void> {
  const refusal = refusalOf({ method, url, host: headers.host })
  if (refusal) {
    response.writeHead(refusal.status, { 'content-type': 'text/plain; charset=utf-8', ...refusal.headers })
    response.end(`${refusal.why}\n`)
    return
  }
  const body = await text()
  response.writeHead(200, { 'content-type': prometheusContentType, 'cache-control': 'no-store' })
  response.end(body)
}

interface Refusal {
  readonly status: number
  readonly why: string
  readonly headers?: Readonly<Record<string, string>>
}

function refusalOf(asked: Readonly<Record<'method' | 'url' | 'host', string | undefined>>): Refusal | undefined {
  if (!isLoopbackName(asked.host ?? '')) return { status: 403, why: 'only by a loopback address or localhost' }
  if (asked.method !== 'GET') return { status: 405, why: 'only GET', headers: { allow: 'GET' } }
  return asked.url?.split('?', 1)[0] === '/metrics' ? undefined : { status: 404, why: 'only /metrics' }
}

function isLoopbackName(host: string): boolean {
  return /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i.test(host)
}
