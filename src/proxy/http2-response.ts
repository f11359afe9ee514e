/** The way back to the client of one request in HTTP/2. */
import { validateHeaderValue } from 'node:http'
import { constants, type ServerHttp2Stream, type ServerStreamResponseOptions } from 'node:http2'
import type { ClientResponse } from './client-messages.ts'
import { proxyLimits } from './limits.ts'

/** Known to Node, not to its types. */
const headOptions: ServerStreamResponseOptions & { readonly sendDate: boolean } = { sendDate: false }

export class Http2Response implements ClientResponse {
  readonly req: ServerHttp2Stream
  #wasBrokenOff = false

  constructor(stream: ServerHttp2Stream) {
    this.req = stream
  }

  /** By us, not by the client. */
  get wasBrokenOff(): boolean {
    return this.#wasBrokenOff
  }

  get headersSent(): boolean {
    return this.req.headersSent
  }

  get statusCode(): number {
    return Number(this.req.sentHeaders[':status'])
  }

  get writableEnded(): boolean {
    return this.req.writableEnded
  }

  get destroyed(): boolean {
    return this.req.closed || this.req.destroyed
  }

  /** There is no reason phrase in HTTP/2, and no connection that a field could speak of. */
  writeHead(status: number, _reason: string, headers: readonly string[]): void {
    const fields = [':status', String(status)]
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const [name = '', value = ''] = [headers[index], headers[index + 1]]
      if (name === 'connection') continue
      validateHeaderValue(name, value)
      fields.push(name, value)
    }
    this.req.respond(fields, headOptions)
  }

  /** They are on their way. */
  flushHeaders(): void {}

  /** Safety: a write of no bytes must not reach the stream; Node 24 loses its place then, sends wrong bytes or crashes. */
  write(chunk: Buffer | string): boolean {
    // Where there is no body (HEAD, 204, 304), Node has ended the stream with its head.
    if (this.req.writableEnded || chunk.length === 0) return true
    return this.req.write(chunk)
  }

  end(chunk: Buffer | string = ''): void {
    this.write(chunk)
    this.#destroyUnlessTaken()
    if (!this.req.writableEnded) this.req.end()
    // Once that is out, the client need not send the rest of its request (RFC 9113 §8.1).
    if (!this.req.readableEnded) this.req.close(constants.NGHTTP2_NO_ERROR)
  }

  /** A session that its client has left in the middle of an error neither sends nor tells (Node 24). */
  #destroyUnlessTaken(): void {
    if (this.destroyed) return
    const timer = setTimeout(() => this.destroy(), proxyLimits.endFlushMs)
    this.req.once('close', () => clearTimeout(timer))
  }

  destroy(): void {
    this.#wasBrokenOff = true
    // Not `close`: it ends the stream in order before it resets it, and the client would take what it has for the whole.
    this.req.destroy(new Error('the answer is broken off'))
  }

  once(event: 'close' | 'drain', listener: () => void): void {
    this.req.once(event, listener)
  }

  off(event: 'close', listener: () => void): void {
    this.req.off(event, listener)
  }
}
