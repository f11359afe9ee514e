/** A request and the way back to its client, whatever the version of HTTP that they are in. */
import type { Readable } from 'node:stream'
import type { RawHeaders } from './heads.ts'

export type HttpVersion = '1.1' | '2'

export interface ClientRequest {
  readonly httpVersion: HttpVersion
  readonly method: string
  /** In their order and spelling. */
  readonly rawHeaders: RawHeaders
  readonly body: Readable
}

/** What is used of Node's `ServerResponse`, which is the one for HTTP/1.1. */
export interface ClientResponse {
  /** The body of the request that is answered. */
  readonly req: Readable
  readonly headersSent: boolean
  /** Of the head that was sent. */
  readonly statusCode: number
  readonly writableEnded: boolean
  /** The client is gone, or the answer was broken off. */
  readonly destroyed: boolean
  /** Throws when the head cannot be written; then another one can. */
  writeHead(status: number, reason: string, headers: string[]): unknown
  flushHeaders(): void
  /** False when the client is slow: `drain` tells when there is room again. */
  write(chunk: Buffer | string): boolean
  end(chunk?: Buffer | string): unknown
  /** Breaks the answer off in a way that its client notices. */
  destroy(): unknown
  once(event: 'close' | 'drain', listener: () => void): unknown
  off(event: 'close', listener: () => void): unknown
}
