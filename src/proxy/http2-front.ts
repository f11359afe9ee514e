/**
 * HTTP/2 on the connections of a bottle (RFC 9113): every stream is an exchange like a request of HTTP/1.1. Framing, flow control
 * and malformed messages are nghttp2's; what a session may cost is bounded here.
 */
import { constants, performServerHandshake, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Arrival } from '../core/routing/strict-request.ts'
import type { ClientConnection } from './client-connection.ts'
import { headerValues } from './heads.ts'
import { Http2Response } from './http2-response.ts'
import { watchSession } from './http2-session-watch.ts'
import { proxyLimits } from './limits.ts'
import type { ArrivedRequest } from './ready-request.ts'
import { type Http2Head, readHttp2Head, strictHttp2Request } from './strict-http2.ts'

export interface Http2FrontOptions {
  /** Whether the bottle may have one more request in flight. */
  hasRoom(): boolean
  onRequest(arrived: ArrivedRequest): void
}

/** A connection that HTTP/2 is spoken on: the TLS in it, whose ALPN said so. */
export interface Http2Connection {
  readonly connection: ClientConnection
  readonly socket: TLSSocket
  readonly arrival: Arrival
}

const sessionOptions = {
  settings: {
    maxConcurrentStreams: proxyLimits.maxSessionStreams,
    maxHeaderListSize: proxyLimits.maxHeadBytes,
    initialWindowSize: proxyLimits.streamWindowBytes,
    // Extended CONNECT (RFC 8441) would open a tunnel that nobody meters.
    enableConnectProtocol: false,
  },
  maxHeaderListPairs: proxyLimits.maxHeadFields,
  maxSessionInvalidFrames: proxyLimits.maxInvalidFrames,
  maxSessionRejectedStreams: proxyLimits.maxInvalidFrames,
  maxSessionMemory: proxyLimits.maxSessionBytes / 1e6,
  // A provider may send twice what we know to be single; it is passed as it came.
  strictSingleValueFields: false,
}

/** Speaks HTTP/2 on a connection until it ends. */
export function serveHttp2(
  { connection, socket, arrival }: Http2Connection,
  { hasRoom, onRequest }: Http2FrontOptions,
): void {
  const session = performServerHandshake(socket, sessionOptions)
  // A session waits for the end of the handshake, of which a TLS socket that no TLS server made does not tell.
  socket.emit('secureConnect')
  connection.speak({ endSoon: () => session.close() })
  session.on('error', () => connection.endSoon())
  const watch = watchSession(session, () => connection.endSoon())

  session.on('stream', (stream, _, flags, fields) => {
    const response = new Http2Response(stream)
    // What an error means is seen at the close that follows it.
    stream.on('error', () => {})
    stream.once('close', () => {
      watch.streamClosed()
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && !response.wasBrokenOff) watch.nuisance()
    })
    watch.streamOpened()
    if (stream.destroyed) return
    if (!hasRoom()) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    const head = readHttp2Head(fields, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0)
    if (!head.isEnded) expectBody(stream, head)
    const { pseudo, rawHeaders } = head
    const request = { httpVersion: '2', method: pseudo.get(':method') ?? '', rawHeaders, body: stream } as const
    onRequest({ request, response, arrival, line: strictHttp2Request(head, arrival) })
  })
}

function expectBody(stream: ServerHttp2Stream, { rawHeaders }: Http2Head): void {
  if (headerValues(rawHeaders, 'expect').some((value) => value.toLowerCase() === '100-continue')) {
    stream.additionalHeaders({ ':status': 100 })
  }
  const timer = setTimeout(() => stream.destroy(new Error('it did not come in time')), proxyLimits.requestTimeoutMs)
  const clear = () => clearTimeout(timer)
  stream.once('end', clear).once('close', clear)
}
