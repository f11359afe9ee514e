/**
 * The hosts that speak nothing but HTTP/2, and one session for each. HTTP/1.1 is asked for first everywhere, since it costs
 * less here; a host that refuses it in the handshake (RFC 7301 §3.2) is remembered for a time.
 */
import { type ClientHttp2Session, connect } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { proxyLimits } from './limits.ts'

export interface Http2Sessions extends Disposable {
  isKnown(host: string): boolean
  /** The host refused HTTP/1.1. */
  learn(host: string): void
  /** The open session to a host, or one that is being opened. Its failure is that of the streams in it. */
  sessionTo(host: string): ClientHttp2Session | Promise<ClientHttp2Session>
}

export interface Http2SessionsOptions {
  /** For HTTP/2 alone, guarded and verified; one that others must open first is a promise. */
  openSocket(host: string): TLSSocket | Promise<TLSSocket>
  readonly nowMs?: () => number
}

/** The alert `no_application_protocol` (RFC 7301 §3.2). Node gives it different codes, depending on what was being written. */
export function isProtocolRefused({ message }: Error): boolean {
  return message.includes('SSL alert number 120')
}

export function createHttp2Sessions({
  openSocket,
  nowMs = () => performance.now(),
}: Http2SessionsOptions): Http2Sessions {
  /** Host → until when it is taken to speak HTTP/2 only. */
  const known = new Map<string, number>()
  const sessions = new Map<string, ClientHttp2Session>()
  const opening = new Map<string, Promise<ClientHttp2Session>>()
  /** Also those that take no new streams any more. */
  const all = new Set<ClientHttp2Session>()

  const begin = (host: string, socket: TLSSocket): ClientHttp2Session => {
    const session = connect(`https://${host}`, { createConnection: () => socket, settings: { enablePush: false } })
    const forget = () => {
      if (sessions.get(host) === session) sessions.delete(host)
    }
    sessions.set(host, session)
    all.add(session)
    session.once('close', () => {
      forget()
      all.delete(session)
    })
    session.once('goaway', forget)
    session.on('error', (error) => {
      // It speaks HTTP/1.1 again.
      if (isProtocolRefused(error)) known.delete(host)
      forget()
    })
    // Streams have their own watch; a session without any is closed.
    session.setTimeout(proxyLimits.upstreamKeepAliveMs, () => {
      forget()
      session.close()
    })
    return session
  }

  const open = (host: string) => {
    const socket = openSocket(host)
    if (!(socket instanceof Promise)) return begin(host, socket)
    const session = socket.then((opened) => begin(host, opened)).finally(() => opening.delete(host))
    opening.set(host, session)
    return session
  }

  return {
    isKnown(host) {
      const untilMs = known.get(host)
      if (untilMs !== undefined && untilMs > nowMs()) return true
      known.delete(host)
      return false
    },
    learn(host) {
      const [oldest] = known.keys()
      if (oldest !== undefined && known.size >= proxyLimits.maxHttp2Hosts) known.delete(oldest)
      known.set(host, nowMs() + proxyLimits.http2HostMs)
    },
    sessionTo(host) {
      const session = sessions.get(host)
      const isUsable = session !== undefined && !session.closed && !session.destroyed
      return isUsable ? session : (opening.get(host) ?? open(host))
    },
    [Symbol.dispose]() {
      for (const session of all) session.destroy()
    },
  }
}
