/** An upstream that speaks HTTP/2 and nothing else, on loopback with a CA of its own. */
import { once } from 'node:events'
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createServerCertificate } from '../../src/demo/provider/certificates.ts'

export interface Http2Upstream extends AsyncDisposable {
  readonly port: number
  readonly caCertificate: string
  /** Heads of the requests that arrived, in order. */
  readonly seen: readonly IncomingHttpHeaders[]
  /** Sessions opened so far. */
  readonly sessions: readonly ServerHttp2Session[]
}

export async function startHttp2Upstream(
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<Http2Upstream> {
  const { certificate, key, caCertificate } = await createServerCertificate({ names: ['api.anthropic.com'] })
  const server = createSecureServer({ cert: certificate, key, allowHTTP1: false })
  const seen: IncomingHttpHeaders[] = []
  const sessions: ServerHttp2Session[] = []
  // Tests break sessions on purpose.
  server.on('sessionError', () => {})
  server.on('session', (session) => sessions.push(session))
  server.on('stream', (stream, headers) => {
    seen.push(headers)
    stream.on('error', () => {})
    onStream(stream, headers)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    caCertificate,
    seen,
    sessions,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
