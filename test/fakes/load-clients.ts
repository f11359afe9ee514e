/** The clients of the load: one for each way in which agents speak with providers. */
import { connect, constants } from 'node:http2'
import { request } from 'node:https'

/** What a client got of one exchange. */
export interface SeenExchange {
  readonly model: string
  /** 0: no answer. */
  readonly status: number
  /** The answer came to its last event or byte. */
  readonly isWhole: boolean
}

export interface Call {
  readonly model: string
  readonly host: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
  /** Is in the last bytes of every whole answer. */
  readonly lastWord: string
  /** After so many characters of the answer the client leaves. */
  readonly leavesAt: number
}

/** Rejects where no answer came. */
export type Client = (call: Call) => Promise<SeenExchange>

export const askHttp1: Client = ({ model, host, path, headers, body, lastWord, leavesAt }) => {
  const text = JSON.stringify(body)
  const { promise, resolve, reject } = Promise.withResolvers<SeenExchange>()
  const length = { 'content-length': Buffer.byteLength(text) }
  const asking = request({ host, path, method: 'POST', headers: { ...headers, ...length } }, (response) => {
    let seen = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      seen += chunk
      if (seen.length > leavesAt) asking.destroy()
    })
    response.on('error', () => {})
    response.once('close', () => {
      const status = response.statusCode ?? 0
      resolve({ model, status, isWhole: response.complete && status === 200 && seen.includes(lastWord) })
    })
  })
  asking.once('error', reject)
  asking.end(text)
  return promise
}

export const askHttp2: Client = ({ model, host, path, headers, body, lastWord, leavesAt }) => {
  const { promise, resolve, reject } = Promise.withResolvers<SeenExchange>()
  const session = connect(`https://${host}`)
  session.once('error', reject)
  const stream = session.request({ ':method': 'POST', ':path': path, ...headers })
  let status = 0
  let seen = ''
  let hasEnd = false
  stream.once('response', (head) => {
    status = head[':status'] ?? 0
  })
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    seen += chunk
    if (seen.length > leavesAt) stream.close(constants.NGHTTP2_CANCEL)
  })
  stream.once('end', () => {
    hasEnd = stream.rstCode === constants.NGHTTP2_NO_ERROR
  })
  stream.once('error', reject)
  stream.once('close', () => {
    session.destroy()
    resolve({ model, status, isWhole: hasEnd && status === 200 && seen.includes(lastWord) })
  })
  stream.end(JSON.stringify(body))
  return promise
}
