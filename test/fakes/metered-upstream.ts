/** An upstream that stands in for both providers of a rig, with the options that lead the rig there. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { anthropicHost, googleHost, openaiHost } from './proxy-client.ts'
import type { ProxyRigOptions } from './proxy-rig.ts'
import { startHttpUpstream, startRawUpstream, type Upstream, type UpstreamOptions } from './raw-upstream.ts'

export const providerHosts = [anthropicHost, openaiHost, googleHost]

type RigUpstream = Pick<ProxyRigOptions, 'upstreams' | 'upstreamCa'>

export function leadingTo({ port, caCertificate }: Pick<Upstream, 'port' | 'caCertificate'>): RigUpstream {
  const url = new URL(`https://127.0.0.1:${port}`)
  return { upstreams: new Map(providerHosts.map((host) => [host, url])), upstreamCa: caCertificate }
}

export interface SeenRequest {
  readonly line: string
  readonly rawHeaders: readonly string[]
  readonly body: Promise<string>
  /** Undefined when it broke off. */
  readonly bytes: Promise<Buffer | undefined>
}

export interface MeteredUpstream extends Upstream {
  readonly seen: readonly SeenRequest[]
}

/** Remembers what it was asked; by default it answers every request with a small JSON document. */
export async function startProviderUpstream(
  onRequest: (request: IncomingMessage, response: ServerResponse) => void = answerSmall,
  options: UpstreamOptions = {},
): Promise<MeteredUpstream> {
  const seen: SeenRequest[] = []
  const upstream = await startHttpUpstream(
    (request, response) => {
      const bytes = request.toArray().then(
        (chunks) => Buffer.concat(chunks),
        () => undefined,
      )
      seen.push({
        line: `${request.method} ${request.url}`,
        rawHeaders: request.rawHeaders,
        body: bytes.then((whole) => whole?.toString() ?? 'broken'),
        bytes,
      })
      onRequest(request, response)
    },
    { names: providerHosts, ...options },
  )
  return Object.assign(upstream, { seen })
}

/** Writes exactly these bytes once the head of a request came. */
export function startScriptedUpstream(
  onRequest: (socket: import('node:net').Socket) => void,
  options: UpstreamOptions = {},
): Promise<Upstream> {
  return startRawUpstream(
    (socket) => {
      let head = ''
      socket.on('data', (chunk) => {
        const hadHead = head.includes('\r\n\r\n')
        head += chunk.toString('latin1')
        if (!hadHead && head.includes('\r\n\r\n')) onRequest(socket)
      })
    },
    { names: providerHosts, ...options },
  )
}

export const smallUsage = { input_tokens: 7, output_tokens: 3 }

export function answerSmall(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ type: 'message', model: 'claude-opus-4-8', usage: smallUsage }))
}
