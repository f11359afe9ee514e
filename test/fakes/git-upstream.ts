/** Git's smart HTTP as a server speaks it: `git http-backend` behind TLS, for whoever presents the right credential. */
import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { startHttpUpstream, type Upstream } from './raw-upstream.ts'

export interface GitUpstreamOptions {
  /** Holds bare repositories. */
  readonly projectRoot: string
  /** The only value of Authorization that is served; others get 401. */
  readonly authorization: string
  readonly names: readonly string[]
}

export interface GitUpstream extends Upstream {
  /** Method, path and query of each request. */
  readonly lines: readonly string[]
}

export async function startGitUpstream({
  projectRoot,
  authorization,
  names,
}: GitUpstreamOptions): Promise<GitUpstream> {
  const lines: string[] = []
  const upstream = await startHttpUpstream(
    (request, response) => {
      lines.push(`${request.method} ${request.url}`)
      if (request.headers.authorization === authorization) return serve(projectRoot, request, response)
      request.resume()
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?')
    },
    { names: [...names] },
  )
  return Object.assign(upstream, { lines })
}

/** One request as a CGI program gets it (RFC 3875). */
function serve(projectRoot: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const backend = spawn('git', ['-c', 'http.receivepack=true', 'http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: projectRoot,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  request.pipe(backend.stdin)
  backend.stdin.on('error', () => request.resume())
  let head = Buffer.alloc(0)
  const onHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    backend.stdout.off('data', onHead)
    writeHead(response, head.subarray(0, end).toString('latin1'))
    response.write(head.subarray(end + 4))
    backend.stdout.pipe(response)
  }
  backend.stdout.on('data', onHead)
}

function writeHead(response: ServerResponse, text: string): void {
  const fields = text.split('\r\n').map((line) => line.split(': ', 2) as [string, string])
  const status = fields.find(([name]) => name.toLowerCase() === 'status')?.[1] ?? '200'
  response.writeHead(Number.parseInt(status, 10), fields.filter(([name]) => name.toLowerCase() !== 'status').flat())
}
